"""botocore's models as the differential test uses them: the overlays of models/ laid on, one per protocol.

botocore's own serialisers and parsers then speak every protocol of a service, also those its shipped
model has dropped (SQS over query).
"""

import copy
import pathlib

import botocore.loaders
from botocore.model import ServiceModel

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11; pip brings the same parser
    from pip._vendor import tomli as tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"


class Service:
    """A folder under models/: its operations and its model in each protocol."""

    def __init__(self, folder):
        listed = tomllib.loads((folder / "operations.toml").read_text())
        overlay = folder / "overlay.toml"
        self.folder = folder.name
        self.name = listed.get("botocore", folder.name)
        self.operations = sorted(listed["operations"])
        loader = botocore.loaders.Loader()
        version = loader.determine_latest_version(self.name, "service-2")
        # Not load_service_model: that adds what only clients want, such as S3's Expires as a timestamp.
        self.model = copy.deepcopy(loader.load_data(f"{self.name}/{version}/service-2"))
        merge(self.model, tomllib.loads(overlay.read_text()) if overlay.exists() else {})

    @property
    def protocols(self):
        metadata = self.model["metadata"]
        return metadata.get("protocols") or [metadata["protocol"]]

    def signing_name(self, operation):
        """What requests of an operation are signed for."""
        metadata = self.model["metadata"]
        dialect = metadata.get("dialect", {})
        if operation == dialect.get("onlySoSigned"):
            return dialect["alsoSigned"]
        return metadata.get("signingName", metadata["endpointPrefix"])

    @property
    def is_query_compatible(self):
        return "awsQueryCompatible" in self.model["metadata"]

    def speaking(self, protocol):
        """The model as a botocore ServiceModel that speaks this protocol."""
        model = copy.deepcopy(self.model)
        model["metadata"]["protocol"] = protocol
        if protocol == "query":
            name_for_query(model)
        return ServiceModel(model, self.name)


def services(only):
    """Every model of the workspace, or those named."""
    folders = sorted(path.parent for path in MODELS.glob("*/operations.toml"))
    return [Service(folder) for folder in folders if not only or folder.name in only]


def merge(model, over):
    """As the generator does: objects merge, `key+` appends to an array, the rest replaces."""
    for key, change in over.items():
        name = key.removesuffix("+")
        if isinstance(change, dict) and isinstance(model.get(name), dict):
            merge(model[name], change)
        elif key.endswith("+") and name in model:
            model[name] = model[name] + change
        else:
            model[name] = change


def name_for_query(model):
    """What the generator states as facts of query, in the words that botocore's query classes read."""
    for shape in model["shapes"].values():
        for member in shape.get("members", {}).values():
            if "queryName" in member:
                member["locationName"] = member["queryName"]
    for name, operation in model["operations"].items():
        if "output" in operation:
            operation["output"].setdefault("resultWrapper", f"{name}Result")
