"""Checks Kubernetes objects strictly: a field that the schema does not know is an error.

    validate.py VERSION... <objects.json

Prints one line for each thing that is wrong, and nothing when all is well. Kubernetes' own objects are
held against the published schemas of each VERSION; objects of other projects against classes generated
from their definitions, which have one version each.
"""

import importlib
import json
import sys

import kubernetes_validate

# Where the classes of an API group are.
MODELS = {
    "keda.sh/v1alpha1": "cloudcoil.models.keda.v1alpha1",
    "monitoring.coreos.com/v1": "cloudcoil.models.prometheus_operator.v1",
    "serving.knative.dev/v1": "cloudcoil.models.knative_serving.serving.v1",
}

# No package has a schema of these; tests/k8s/optional.rs looks at them itself.
BY_HAND = {"gateway.networking.k8s.io/v1"}


def by_schema(manifest, versions):
    for version in versions:
        try:
            used = kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as err:
            where = ".".join(str(step) for step in err.path)
            yield f"{where}: {err.message} (Kubernetes {version})"
        else:
            # It falls back to an older schema where it has none.
            if used != version:
                yield f"no schema for Kubernetes {version}"


def by_model(manifest, module):
    model = getattr(importlib.import_module(module), manifest["kind"])
    try:
        understood = model.model_validate(manifest)
    except ValueError as err:
        yield str(err)
        return
    # Unknown fields are ignored, and so missing from what was understood.
    yield from differences("", manifest, understood.model_dump(mode="json", by_alias=True, exclude_unset=True))


def differences(where, given, understood):
    if isinstance(given, dict) and isinstance(understood, dict):
        for key in given.keys() | understood.keys():
            yield from differences(f"{where}.{key}", given.get(key), understood.get(key))
    elif isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        for index, (one, other) in enumerate(zip(given, understood)):
            yield from differences(f"{where}[{index}]", one, other)
    elif given != understood:
        yield f"{where}: {given!r} is understood as {understood!r}"


def problems(manifest, versions):
    group = manifest["apiVersion"]
    if group in BY_HAND:
        return ()
    if group in MODELS:
        return by_model(manifest, MODELS[group])
    return by_schema(manifest, versions)


for manifest in json.load(sys.stdin):
    for problem in problems(manifest, sys.argv[1:]):
        print(f"{manifest['kind']} {manifest['metadata']['name']}: {problem}")
