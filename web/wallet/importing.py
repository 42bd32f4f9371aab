"""Putting in what the Dutch population register (BRP) answered: look at it first, then choose."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter, Request, Response

from catalogue.brp import Imported, person_from_answer
from catalogue.errors import CatalogueFault
from catalogue.fitting import Fitting, fitting
from catalogue.numbers import passes_eleven_test
from crypto.encoding import parse_json
from crypto.errors import Malformed
from vault.errors import BadInput
from vault.fields import NewValue
from vault.vault import Vault
from web.citizen import Owner, WalletRoute
from web.forms import Form, GivenForm
from web.names import field_label
from web.pages import OpenedPages, OpenedVault, Pages, is_for_language, language_of, see, words_for
from web.papers.words import N_, why_left_out
from web.wallet.data import tongue_for
from web.wallet.stating import one_of

ANSWER_CHARACTERS_MAX = 100_000  # one person with family is some 20 000

FAULTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "empty": ("answer", N_("Choose the file, or paste the text.")),
        "too_large": ("answer", N_("This is too large for an answer about one person.")),
        "not_json": (
            "answer",
            N_("We can't read this. Choose the file as you got it; its name ends in .json."),
        ),
        "not_a_register_answer": (
            "answer",
            N_("This is not an answer of the population register. Choose another file."),
        ),
        "person_not_in_answer": (
            "bsn",
            N_("The answer is not about the person with this number. Look at both once more."),
        ),
        "person_not_unique": (
            "answer",
            N_("The answer has two people with this number. Ask your municipality about it."),
        ),
        "bad_bsn": (
            "bsn",
            N_("This is not a citizen service number. It has nine figures; type it once more."),
        ),
        "nothing": ("answer", N_("The answer says nothing that your vault can hold.")),
    }
)


class _Wrong(BadInput):
    def __init__(self, code: str, form: Form) -> None:
        super().__init__(code=code)
        self.form = form


class ImportRoute(WalletRoute):
    """What is wrong with an answer is said on the page that asked for it, beside its field."""

    def explain(self, request: Request, error: Exception) -> Response:
        if isinstance(error, _Wrong):
            return _again(request, request.app.state.pages, error)
        return super().explain(request, error)


router = APIRouter(route_class=ImportRoute, tags=["pages"], include_in_schema=False)


@router.get("/wallet/import")
def ask(request: Request, _owner: Owner, pages: OpenedPages) -> Response:
    """What to bring, and where to get it."""
    return _ask(request, pages, {"answer": "", "bsn": ""})


@router.post("/wallet/import/preview")
def preview(
    request: Request, form: GivenForm, owner: Owner, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """What would be stated. Nothing is put in yet."""
    again = is_for_language(request, form.text("lang"))
    found = _read(form)
    held, tongue, catalogue = vault.values(owner), tongue_for(request), vault.system.catalogue
    language, fits = language_of(request), _fitting(vault, found)
    rows = []
    for name, value in fits.values.items():
        field, own = catalogue[name], held.get(name)
        before = None if own is None else own.statement.value
        rows.append(
            {
                "field": name,
                "label": field_label(catalogue, name, language),
                "text": tongue.value(field, value),
                "before": None if own is None else tongue.value(field, before),
                "is_same": (is_same := own is not None and before == value),
                "is_chosen": name in form.texts("fields") if again else not is_same,
                "is_doubted": name in found.under_investigation,
            }
        )
    return pages.render(
        request,
        "wallet/import_preview.html",
        here="data",
        rows=rows,
        left_out=[
            (field_label(catalogue, name, language), words_for(request).gettext(why_left_out(code)))
            for name, code in fits.left_out.items()
        ],
        typed=_typed(form),
    )


@router.get("/wallet/import/preview")
def begin_again(_owner: Owner) -> Response:
    """What was looked at stood on the answer to a form, and is in no address."""
    return see("/wallet/import")


@router.post("/wallet/import")
def put(
    request: Request, form: GivenForm, owner: Owner, pages: OpenedPages, vault: OpenedVault
) -> Response:
    """Puts in what was left ticked, as the citizen's own statement."""
    if is_for_language(request, form.text("lang")):
        return _ask(request, pages, _typed(form))
    found = _read(form)
    chosen = set(form.texts("fields"))
    new = [
        NewValue(
            name,
            value,
            "under_investigation" if name in found.under_investigation else "stated",
        )
        for name, value in _fitting(vault, found).values.items()
        if name in chosen
    ]
    if new:
        vault.put(owner, new)
    return see(f"/wallet/data?imported={len(new)}")


def _fitting(vault: Vault, found: Imported) -> Fitting:
    return fitting(vault.system.catalogue, found.values, vault.system.clock.now_ms())


def _read(form: Form) -> Imported:
    text, bsn = one_of(form, "answer"), "".join(one_of(form, "bsn").split())
    if not text:
        raise _Wrong("empty", form)
    if len(text) > ANSWER_CHARACTERS_MAX:
        raise _Wrong("too_large", form)
    if not passes_eleven_test(bsn):
        raise _Wrong("bad_bsn", form)
    try:
        found = person_from_answer(parse_json(text.removeprefix("\ufeff")), bsn)
    except Malformed:
        raise _Wrong("not_json", form) from None
    except CatalogueFault as fault:
        code = fault.code if fault.code in FAULTS else "not_a_register_answer"
        raise _Wrong(code, form) from None
    if not found.values:
        raise _Wrong("nothing", form)
    return found


def _again(request: Request, pages: Pages, wrong: _Wrong) -> Response:
    part, text = FAULTS[wrong.code]
    typed = _typed(wrong.form)
    if len(typed["answer"]) > ANSWER_CHARACTERS_MAX:
        typed["answer"] = ""  # it would be sent there and back for nothing
    return _ask(request, pages, typed, {part: words_for(request).gettext(text)}, 400)


def _ask(
    request: Request,
    pages: Pages,
    typed: Mapping[str, Any],
    faults: Mapping[str, str] = MappingProxyType({}),
    status: int = 200,
) -> Response:
    return pages.render(
        request,
        "wallet/import.html",
        status,
        here="data",
        faults=faults,
        characters_max=ANSWER_CHARACTERS_MAX,
        typed=typed,
    )


def _typed(form: Form) -> dict[str, str]:
    return {"answer": one_of(form, "answer"), "bsn": one_of(form, "bsn")}
