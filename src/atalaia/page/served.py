"""The page as the running service has it, with what is shown of it elsewhere."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from atalaia.api.access import Gate
from atalaia.api.shown import Shown
from atalaia.api.system_view import SystemView
from atalaia.page import share, web, widget
from atalaia.page.glance import Glances
from atalaia.settings import Settings


def page_of(settings: Settings, shown: Shown, systems: SystemView, gate: Gate) -> APIRouter:
    """The page's routes; the widget's where somebody may frame it; the pictures' of shared links,
    for who may read."""
    glances = Glances(shown, systems)
    told, language = settings.page, settings.language
    readers = [Depends(each) for each in gate.readers]
    heads = share.heads(glances, language, settings.cap.public_url, is_public=not readers)
    router = APIRouter()
    router.include_router(web.page(told, settings.home, heads))
    if told.frame_origins:
        router.include_router(widget.routes(glances, told.frame_origins, language))
    router.include_router(share.pictures(share.Pictures(glances, shown.now), language, readers))
    return router
