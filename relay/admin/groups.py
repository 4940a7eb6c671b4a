from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.selectors import scope
from relay import groups, visibility
from relay.models import Delivery, Endpoint, EndpointGroup, GroupMember
from tradeops.core import clock
from tradeops.core.admin import confirm
from tradeops.core.admin.retire import RetirableAdmin
from tradeops.core.errors import ConfigurationError, Conflict, TradeOpsError


class GroupForm(forms.ModelForm):
    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        try:
            groups.check_slug(slug, group=True)
        except ConfigurationError as error:
            raise forms.ValidationError(str(error)) from error
        return slug

    class Meta:
        model = EndpointGroup
        fields: tuple[str, ...] = ()  # the admin names them


class MemberInline(TabularInline):
    model = GroupMember
    fields = ("endpoint", "position")
    ordering = ("position", "pk")
    extra = 0
    min_num = 1
    hide_title = True
    verbose_name = "member"
    verbose_name_plural = "members: the lowest position leads first"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, validate_min=True, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "endpoint":
            seen = visibility.endpoints(scope(request.user)).filter(retired_at=None)
            kwargs["queryset"] = seen.defer("secret", "report_secret").order_by("slug")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class LeaderForm(forms.Form):
    endpoint = forms.ModelChoiceField(
        queryset=Endpoint.objects.none(), label="New leader", widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, group: EndpointGroup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["endpoint"]
        members = group.members.filter(active=True, retired_at=None).defer("secret", "report_secret")
        field.queryset = members.order_by("groupmember__position")


@admin.register(EndpointGroup)
class EndpointGroupAdmin(RetirableAdmin):
    form = GroupForm
    list_display = ("slug", "mode", "state", "leader_now", "in_order", "created_at")
    list_filter = ("mode", "active")
    search_fields = ("slug",)
    ordering = ("slug",)
    inlines = (MemberInline,)
    readonly_fields = ("leader_now", "retired_at", "created_at")
    fieldsets = (
        (None, {"fields": (("slug", "mode"), ("active", "leader_now"))}),
        ("State", {"fields": (("created_at", "retired_at"),)}),
    )
    actions_detail = ["leader_action", "retire_action"]
    retires = "Strategies that send to this group reach none of its members by it any more."

    def get_queryset(self, request: HttpRequest) -> QuerySet[EndpointGroup]:
        members = groups.with_leader(GroupMember.objects.order_by("position", "pk")).select_related("endpoint")
        prefetch = Prefetch("groupmember_set", members.defer("endpoint__secret", "endpoint__report_secret"), "in_it")
        return super().get_queryset(request).prefetch_related(prefetch)

    def seen_by(self, user: Any, queryset: QuerySet[EndpointGroup]) -> QuerySet[EndpointGroup]:
        return queryset.filter(pk__in=visibility.groups(scope(user)).values("pk"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not of one that strategies of others send to as well: who sees it may look."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or visibility.owns(scope(request.user), obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "slug") if obj else self.readonly_fields

    def save_related(self, request: HttpRequest, form: forms.ModelForm[Any], formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        groups.drop_lost_leader(form.instance)

    def retire(self, obj: EndpointGroup, *, now: datetime) -> None:
        if Delivery.objects.filter(group=obj, status__in=("PENDING", "RETRYING")).exists():
            raise Conflict("messages to it are on their way; wait until they are settled")
        super().retire(obj, now=now)

    # The leader ---------------------------------------------------------------------------------------------------

    def has_leader_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self.has_change_permission(request)

    @action(description="Make leader", url_path="leader", icon="swap_horiz", permissions=["leader"])
    def leader_action(self, request: HttpRequest, object_id: str) -> HttpResponse:
        group = self.get_object(request, object_id)
        if group is None:
            raise Http404
        if not self.has_change_permission(request, group):
            raise PermissionDenied
        back = reverse("admin:relay_endpointgroup_change", args=[group.pk])
        if group.mode != EndpointGroup.Mode.FAILOVER:
            messages.info(request, f"{group} sends to all of its members: none of them leads.")
            return HttpResponseRedirect(back)
        form = LeaderForm(request.POST or None, group=group)
        step, password = confirm.step(request, form)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "back": back}
        if step is confirm.Step.GO:
            return self._lead(request, group, form.cleaned_data["endpoint"], back)
        if step is confirm.Step.CONFIRM:
            chosen = form.cleaned_data["endpoint"]
            return confirm.page(
                request, context=context, form=form, password=password, button="Make leader",
                title=f"Make {chosen} the leader of {group}?", consequences=_consequences(group, chosen),
            )  # fmt: skip
        title, intro = (
            f"Leader of {group}",
            f"{_leader(group) or 'Nobody'} leads now. It gets every message of the group.",
        )
        return TemplateResponse(
            request, "admin/ask.html", {**context, "title": title, "intro": intro, "form": form, "button": "Continue"}
        )

    def _lead(self, request: HttpRequest, group: EndpointGroup, chosen: Endpoint, back: str) -> HttpResponse:
        try:
            groups.lead(group=group, endpoint=chosen, by=request.user.get_username(), now=clock.now())
        except TradeOpsError as error:
            messages.error(request, f"{chosen} does not lead: {error}")
        else:
            self.log_change(request, group, f"Made {chosen} the leader.")
            messages.success(request, f"{chosen} leads {group} now.")
        return HttpResponseRedirect(back)

    # Columns ------------------------------------------------------------------------------------------------------

    @display(description="State", label={"active": "success", "stuck": "danger", "off": "warning"})
    def state(self, row: EndpointGroup) -> str:
        if row.retired_at:
            return "retired"
        return "stuck" if row.active and row.stuck_since else "active" if row.active else "off"

    @display(description="Leader")
    def leader_now(self, row: EndpointGroup) -> str:
        if row.pk is None or row.mode != EndpointGroup.Mode.FAILOVER:
            return "every member gets each message" if row.mode == EndpointGroup.Mode.FAN_OUT else "the first member"
        if row.stuck_since is not None:
            return f"{_leader(row)}, which is down and may have acted on what it did not answer: the group waits"
        return _leader(row) or "none"

    @display(description="Members")
    def in_order(self, row: Any) -> str:
        return ", ".join(member.endpoint.slug for member in row.in_it)


def _leader(group: Any) -> str:
    return next((member.endpoint.slug for member in group.in_it if member.leader == member.endpoint_id), "")


def _consequences(group: EndpointGroup, chosen: Endpoint) -> list[str]:
    unsettled = groups.unsettled(group, besides=chosen)
    told = [
        f"From now on each message to {group} goes to {chosen}.",
        "What the other members hold stays there: a position that was opened there is not closed here.",
    ]
    if unsettled.exists():
        told.append(
            f"{unsettled.count()} messages that other members have not taken go to {chosen} too, in their order. It is "
            "refused while one of them may have been acted on: a second terminal would double it."
        )
    return told
