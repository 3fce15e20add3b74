"""`make chaos`: the deployed system under load, while workers are killed and services fail, counted."""
