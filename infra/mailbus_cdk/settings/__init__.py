"""The settings of a deployment: one TOML file, read and checked when it is synthesized."""
