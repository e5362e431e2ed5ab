"""The OpenAPI description of everything the sandbox answers, served at /openapi.json."""
