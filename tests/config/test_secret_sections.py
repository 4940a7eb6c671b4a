"""Whoever has a field for a secret says how it is compared and kept: the base classes leave nobody a way around it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django import forms

from tradeops.config.apply import PARTS
from tradeops.config.names import Names
from tradeops.config.schema import Faults
from tradeops.config.secret import Secret
from tradeops.config.secret_section import RowSecretSection, SecretSection
from tradeops.config.section import Run, Section
from tradeops.core.admin.secret import SecretForm
from tradeops.core.models import Cursor

SECTIONS = [part for part in PARTS if issubclass(part, Section)]


@pytest.fixture
def run():
    moment = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    return Run(now=moment, folder=Path(), names=Names({}), faults=Faults("test.yaml"), networks=[])


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_a_section_with_a_field_for_a_secret_is_one_of_those(section, run):
    has_one = any(isinstance(field.type, Secret) for field in section(run).fields.values())
    assert issubclass(section, SecretSection) is has_one


def test_four_sections_have_secrets():
    assert [section.name for section in SECTIONS if issubclass(section, SecretSection)] == [
        "sources", "accounts", "endpoints", "channels",
    ]  # fmt: skip


def test_one_that_does_not_say_how_cannot_be_made(run):
    class Half(RowSecretSection[Cursor]):
        name, noun, model = "halves", "half", Cursor

        def declare(self):
            return {}

    with pytest.raises(TypeError, match=r"has_secret.*same_secret.*set_secret.*stored_secret"):
        Half(run)


def test_nor_can_a_form():
    class Half(SecretForm):
        class Meta:
            model = Cursor
            fields = ("name",)

    assert issubclass(Half, forms.ModelForm)
    with pytest.raises(TypeError, match=r"has_secret.*set_secret"):
        Half()
