"""The examples of /openapi.json: requests to the demo company, and its answers.

`python -m tests.examples` writes them to `api/examples`; a test makes the same requests and compares.
"""
