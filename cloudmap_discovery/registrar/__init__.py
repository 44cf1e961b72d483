"""The registrar: what writes records when something is deployed, and removes them when it is gone."""
