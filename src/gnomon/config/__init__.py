"""The configuration: layers, strict YAML, sections, secrets."""
