"""Writes and reads secrets with the client from openapi-generator. Reports what it read."""

import json
import os
import sys

import openapi_client as api
from pydantic import ValidationError

configuration = api.Configuration(host=os.environ["API"])
configuration.api_key["token"] = os.environ["TOKEN"]
secrets = api.SecretsApi(api.ApiClient(configuration))
system = api.SystemApi(api.ApiClient(configuration))

GATE = {"gate": "open sesame", "guards": 2, "shifts": ["day", "night"], "hours": {"from": "8"}}
PATH = "garden/north"

secrets.post_kv_path(PATH, GATE)
version = secrets.post_secret_data_path(
    PATH, api.KvDataPathRequest(data=GATE, options={"cas": 0})
).data.version
read = secrets.get_secret_data_path(PATH, version=version).data
secrets.post_secret_metadata_path(
    PATH, api.KvMetadataPathRequest(custom_metadata={"owner": "head gardener"}, max_versions=5)
)

try:
    secrets.post_secret_data_path(PATH, api.KvDataPathRequest(data=None))
    writes_null = True
except ValidationError:
    writes_null = False

try:
    secrets.get_kv_path("nothing/here")
    missing = 200
except api.ApiException as error:
    missing = error.status

json.dump(
    {
        "kv1": secrets.get_kv_path(PATH).data,
        "kv2": read.data,
        "version": read.metadata.version,
        "owner": secrets.get_secret_data_path(PATH).data.metadata.custom_metadata,
        "listed": secrets.get_kv_path("garden", list="true").data["keys"],
        "ttl": system.post_auth_token_create(
            api.AuthTokenCreateRequest(ttl="90m", policies=["default"])
        ).auth.lease_duration,
        "writesNull": writes_null,
        "missing": missing,
    },
    sys.stdout,
)
