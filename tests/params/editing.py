"""How tests change values of params.yaml."""


def put(values, path, value):
    *folders, key = path.split(".")
    for folder in folders:
        values = values[folder]
    values[key] = value
