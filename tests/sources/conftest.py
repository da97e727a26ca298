from __future__ import annotations

import pytest

from atalaia.domain.place import Place, Places


@pytest.fixture
def places() -> Places:
    return Places(
        [
            Place(id="toronto", name="Toronto", latitude=43.65, longitude=-79.38),
            Place(id="ny", name="New York", latitude=43.156, longitude=-75.845),
            Place(id="enschede", name="Enschede", latitude=52.28, longitude=6.88),
            Place(id="poa", name="Porto Alegre", latitude=-30.03, longitude=-51.23),
            Place(id="A801", name="Jardim Botânico", latitude=-30.0536, longitude=-51.1747),
            Place(id="recife", name="Recife", latitude=-8.06, longitude=-34.96),
        ]
    )
