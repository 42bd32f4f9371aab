"""The pages of a counter."""

from fastapi import APIRouter

ROUTERS: tuple[APIRouter, ...] = ()
