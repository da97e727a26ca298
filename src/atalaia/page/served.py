"""The page as the running service has it, with what is shown of it elsewhere."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from atalaia.api.access import Gate
from atalaia.api.shown import Shown
from atalaia.api.system_view import SystemView
from atalaia.page import reports, share, web, widget
from atalaia.page.glance import Glances
from atalaia.ports import Home
from atalaia.settings import Settings


def page_of(
    settings: Settings, shown: Shown, systems: SystemView, gate: Gate, home: Home | None = None
) -> APIRouter:
    """The page's routes; the widget's where somebody may frame it; the pictures' of shared links,
    for who may read; reports', where the home is of this machine."""
    glances = Glances(shown, systems)
    told, language = settings.page, settings.language
    readers = [Depends(each) for each in gate.readers]
    heads = share.heads(glances, language, settings.cap.public_url, is_public=not readers)
    router = APIRouter()
    forms = reports.forms(home)
    router.include_router(web.page(told, settings.home, heads, forms))
    if told.frame_origins:
        router.include_router(widget.routes(glances, told.frame_origins, language))
    router.include_router(share.pictures(share.Pictures(glances, shown.now), language, readers))
    if home is not None and forms:
        router.include_router(reports.routes(home, shown, systems, gate, language))
    return router
