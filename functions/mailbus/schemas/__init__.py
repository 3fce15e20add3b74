"""The JSON Schemas and TypeScript declarations of jobs and events, made from the structs that define them."""
