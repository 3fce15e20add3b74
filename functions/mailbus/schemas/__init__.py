"""The JSON Schemas of jobs and events, made from the structs that define them."""
