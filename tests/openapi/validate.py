"""Says what is wrong with an OpenAPI document, a line for each fault: validate.py <openapi.json"""

import json
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator

for error in OpenAPIV31SpecValidator(json.load(sys.stdin)).iter_errors():
    print(f"{'/'.join(map(str, error.path))}: {error.message}")
