"""What `/v1/models` lists: each provider's models, and declared names, which go before them."""

from collections.abc import Iterator

from gateway.api.model_shapes import Listed
from gateway.config import Config
from gateway.providers.catalog import Catalog
from gateway.wiring.routes import first_target


def listed(config: Config, catalog: Catalog) -> Iterator[Listed]:
    """A declared name is known as its target is, where it has but one."""
    for provider in config.providers:
        for model in catalog.list_models(provider):
            name = f"{provider}/{model}"
            if name not in config.models:
                facts = catalog.describe(provider, model)
                yield Listed(name, provider, catalog.created(provider, model), facts)
    for name, route in config.models.items():
        first = first_target(config, route)
        alone = len(route.targets) == 1 and route.targets[0].model not in config.models
        yield Listed(
            name, first.provider, facts=catalog.describe(first.provider, first.model) if alone else None
        )
