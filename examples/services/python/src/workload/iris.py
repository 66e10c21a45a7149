"""Which iris is it? Trained once, then asked: a line of JSON in, a line of JSON out.

`{"sepal_length": 5.1, …}` in centimetres gives `{"species": "setosa", "probabilities": {…}}`, or
`{"refused": "…"}` for what cannot be an iris.
"""

import json
import sys

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")

# The largest in the data is 7.9. What is far outside of them gets an answer, too, but no right one.
MOST_CM = 30


def train():
    """The model, and the names of the species in its order."""
    data = load_iris()
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(data.data, data.target)
    return model, [str(name) for name in data.target_names]


def refusal(asked):
    """Why there is no answer; None if there is one."""
    for feature in FEATURES:
        # None is what JSON has for a number that is none.
        if asked[feature] is None or not 0 < asked[feature] <= MOST_CM:
            return f"{feature}: must be above 0 and at most {MOST_CM} cm"
    if asked["petal_length"] > 2 * asked["sepal_length"]:
        return "petal_length: no iris has petals twice as long as its sepals"
    return None


def answer(model, species, asked):
    """The answer to one request: what the model says, or why it was not asked."""
    why = refusal(asked)
    if why is not None:
        return {"refused": why}
    row = [[asked[feature] for feature in FEATURES]]
    probabilities = dict(zip(species, map(float, model.predict_proba(row)[0])))
    return {
        "species": max(probabilities, key=probabilities.get),
        "probabilities": {name: round(value, 4) for name, value in probabilities.items()},
    }


def main():
    model, species = train()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(model, species, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
