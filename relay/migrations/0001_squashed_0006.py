"""0001_initial to 0006_notifications_by_rule_and_alarms in one step, for new installations; an older one goes on from where it is."""

import django.core.validators
import django.db.models.deletion
import tradeops.core.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True
    replaces = [
        ("relay", "0001_initial"),
        ("relay", "0002_groups_and_health"),
        ("relay", "0003_health_checks_are_claimed"),
        ("relay", "0004_deliveries_that_a_group_passes_on"),
        ("relay", "0005_dead_letters"),
        ("relay", "0006_notifications_by_rule_and_alarms"),
    ]

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(max_length=60)),
                ('level', models.CharField(choices=[('info', 'info'), ('warning', 'warning'), ('error', 'error'), ('critical', 'critical')], max_length=8)),
                ('title', models.CharField(max_length=300)),
                ('signal', models.CharField(blank=True, help_text="The signal's public id.", max_length=36)),
                ('strategy', models.CharField(blank=True, max_length=60)),
                ('account', models.CharField(blank=True, max_length=60)),
                ('symbol', models.CharField(blank=True, max_length=60)),
                ('request_id', models.CharField(blank=True, max_length=32)),
                ('body', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('signal', ''), _negated=True), fields=['signal'], name='relay_message_by_signal'), models.Index(fields=['created_at'], name='relay_message_by_time')],
            },
        ),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('kind', models.CharField(help_text='The names are in settings.NOTIFIERS.', max_length=20)),
                ('target', models.CharField(blank=True, help_text='Telegram: the chat id. Email: the address (empty: ALERT_EMAIL). Webhook: the URL. Slack: nothing.', max_length=300)),
                ('secret', tradeops.core.fields.EncryptedTextField(blank=True, default='')),
                ('events', models.JSONField(default=list, help_text='["*"], ["order.*", "signal.rejected"]')),
                ('level', models.CharField(choices=[('info', 'info'), ('warning', 'warning'), ('error', 'error'), ('critical', 'critical')], default='warning', max_length=8)),
                ('strategies', models.JSONField(blank=True, default=list, help_text='["trend"]; [] is all of them.')),
                ('accounts', models.JSONField(blank=True, default=list, help_text='["okx-1"]; [] is all of them.')),
                ('quiet_from', models.TimeField(blank=True, help_text='From then on only criticals are told at once …', null=True)),
                ('quiet_to', models.TimeField(blank=True, help_text='… and the rest in one digest at this time.', null=True)),
                ('time_zone', models.CharField(default='UTC', help_text='Of the quiet hours, e.g. Europe/Berlin.', max_length=60)),
                ('digest_minutes', models.PositiveSmallIntegerField(default=0, help_text='One message every so many minutes, grouped by cause; 0 tells each at once.')),
                ('rate_cap', models.PositiveSmallIntegerField(default=5, help_text='More than so many of one event in a minute are told in one message; 0 tells every one.')),
                ('escalation', models.BooleanField(default=False, help_text='Is told of every critical alert that nobody has acknowledged in time.')),
                ('active', models.BooleanField(default=True)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='PrivateNetwork',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cidr', models.CharField(max_length=50, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('url', models.URLField(max_length=300)),
                ('secret', tradeops.core.fields.EncryptedTextField(blank=True, editable=False)),
                ('report_secret', tradeops.core.fields.EncryptedTextField(blank=True, editable=False, help_text='What the bridge signs its reports with (L5).')),
                ('active', models.BooleanField(default=True)),
                ('timeout_seconds', models.PositiveSmallIntegerField(default=10, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(60)])),
                ('tags', models.JSONField(blank=True, default=list)),
                ('headers', models.JSONField(blank=True, default=dict, help_text='Sent with each message; no secrets here.')),
                ('symbols', models.JSONField(blank=True, default=dict, help_text="Symbol → this receiver's name for it.")),
                ('receives', models.JSONField(default=list, help_text='signals, orders, exits')),
                ('accepts_dry_run', models.BooleanField(default=False)),
                ('disabled_reason', models.CharField(blank=True, max_length=200)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('active', False), models.Q(('secret', ''), _negated=True), _connector='OR'), name='relay_endpoint_active_needs_secret')],
            },
        ),
        migrations.CreateModel(
            name='Alarm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(max_length=60)),
                ('subject', models.CharField(blank=True, help_text='What it is about: an endpoint, an account …', max_length=120)),
                ('venue', models.CharField(blank=True, help_text='Where the account trades.', max_length=40)),
                ('title', models.CharField(help_text='The latest.', max_length=300)),
                ('times', models.PositiveIntegerField(default=0)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('remind_at', models.DateTimeField()),
                ('reminders', models.PositiveIntegerField(default=0)),
                ('escalated_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('acknowledged_by', models.CharField(blank=True, max_length=150)),
                ('note', models.CharField(blank=True, max_length=200)),
                ('message', models.ForeignKey(help_text='The first.', on_delete=django.db.models.deletion.PROTECT, related_name='alarms', to='relay.message')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('acknowledged_at__isnull', True)), fields=['remind_at'], name='relay_alarm_reminders')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('acknowledged_at__isnull', True)), fields=('event', 'subject', 'venue'), name='relay_alarm_open_once')],
            },
        ),
        migrations.CreateModel(
            name='ChannelState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rest_until', models.DateTimeField(help_text='Nothing is tried before; what waits, waits.', null=True)),
                ('failures', models.PositiveIntegerField(default=0, help_text='In a row.')),
                ('failing_since', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('told_at', models.DateTimeField(help_text='When others were told that this one fails.', null=True)),
                ('channel', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='state', to='relay.channel')),
            ],
        ),
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('PENDING', 'Pending'), ('SENT', 'Sent'), ('DEAD', 'Dead'), ('GROUPED', 'Grouped')], default='PENDING', max_length=8)),
                ('held', models.CharField(blank=True, choices=[('', ''), ('quiet', 'quiet hours'), ('digest', 'digest'), ('storm', 'too many of its kind'), ('test', 'sent by hand')], default='', help_text='Why it waited.', max_length=6)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('error', models.CharField(blank=True, max_length=300)),
                ('together', models.PositiveIntegerField(default=1, help_text='How many were told in the message that this one leads; 0: told with another.')),
                ('claim_token', models.CharField(blank=True, max_length=36)),
                ('lease_until', models.DateTimeField(null=True)),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notifications', to='relay.channel')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notifications', to='relay.message')),
                ('told_with', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='others', to='relay.notification')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('status', 'PENDING')), fields=['channel', 'due_at'], name='relay_notification_due'), models.Index(condition=models.Q(('status', 'SENT')), fields=['channel', 'sent_at'], name='relay_notification_sent'), models.Index(condition=models.Q(('told_with__isnull', False)), fields=['told_with'], name='relay_notification_with')],
                'constraints': [models.UniqueConstraint(fields=('message', 'channel'), name='relay_notification_once')],
            },
        ),
        migrations.CreateModel(
            name='EndpointGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('mode', models.CharField(choices=[('fan_out', 'Fan Out'), ('failover', 'Failover')], default='failover', max_length=8)),
                ('stuck_since', models.DateTimeField(editable=False, help_text='The leader is down, but may have acted on what it did not answer.', null=True)),
                ('active', models.BooleanField(default=True)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('leader', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='leads', to='relay.endpoint')),
            ],
        ),
        migrations.CreateModel(
            name='EndpointState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('breaker', models.CharField(choices=[('CLOSED', 'Closed'), ('OPEN', 'Open'), ('HALF_OPEN', 'Half Open')], default='CLOSED', max_length=9)),
                ('since', models.DateTimeField(help_text='When the breaker came to this state.')),
                ('failures', models.PositiveIntegerField(default=0, help_text='Failures in a row.')),
                ('probe_at', models.DateTimeField(help_text='When an open breaker lets the next message through.', null=True)),
                ('checked_at', models.DateTimeField(help_text='The last health check.', null=True)),
                ('healthy', models.BooleanField(help_text='What the last health check said; empty before the first, and where there is no /health.', null=True)),
                ('check_ms', models.PositiveIntegerField(null=True)),
                ('check_error', models.CharField(blank=True, max_length=200)),
                ('check_due_at', models.DateTimeField(help_text='Who moves this forward makes the next health check, whatever host it is on.', null=True)),
                ('endpoint', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='state', to='relay.endpoint')),
            ],
        ),
        migrations.CreateModel(
            name='HealthCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('ok', models.BooleanField(help_text='Empty: it answered, and has no /health to ask.', null=True)),
                ('ms', models.PositiveIntegerField()),
                ('status_code', models.PositiveSmallIntegerField(null=True)),
                ('error', models.CharField(blank=True, max_length=200)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='checks', to='relay.endpoint')),
            ],
            options={
                'indexes': [models.Index(fields=['endpoint', '-at'], name='relay_healthcheck_latest'), models.Index(fields=['at'], name='relay_healthcheck_by_time')],
            },
        ),
        migrations.CreateModel(
            name='UptimeHour',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField(help_text="The hour's begin, UTC.")),
                ('checks', models.PositiveIntegerField(default=0)),
                ('ok', models.PositiveIntegerField(default=0)),
                ('ms', models.PositiveBigIntegerField(default=0, help_text='Sum over the checks that were `ok`.')),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='uptime', to='relay.endpoint')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('endpoint', 'hour'), name='relay_uptimehour_once')],
            },
        ),
        migrations.CreateModel(
            name='AlarmEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(blank=True, max_length=120)),
                ('alarm', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='happened', to='relay.alarm')),
                ('message', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='alarm_event', to='relay.message')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('alarm__isnull', True)), fields=['id'], name='relay_alarmevent_new')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('type', models.CharField(choices=[('signal', 'Signal'), ('order', 'Order'), ('exit', 'Exit'), ('test', 'Test')], max_length=8)),
                ('subject', models.CharField(help_text="The id it is sent under: the signal's or order's, on each try.", max_length=36)),
                ('lane', models.CharField(blank=True, max_length=130)),
                ('reduces', models.BooleanField(default=False, help_text='Only reduces a position: has the longer deadline.')),
                ('dry_run', models.BooleanField(default=False)),
                ('status', models.CharField(choices=[('PENDING', 'Pending'), ('RETRYING', 'Retrying'), ('DELIVERED', 'Delivered'), ('DEAD', 'Dead')], default='PENDING', max_length=10)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(help_text='Given up after this.')),
                ('delivered_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, help_text='Why it is dead.', max_length=200)),
                ('unknown', models.BooleanField(default=False, help_text='A try may have been acted on, and no answer has said so or otherwise yet.')),
                ('claim_token', models.CharField(blank=True, max_length=36)),
                ('lease_until', models.DateTimeField(null=True)),
                ('replay_of', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replays', to='relay.delivery')),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='relay.endpoint')),
                ('group', models.ForeignKey(db_index=False, help_text='The failover group whose leader it went to.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='relay.endpointgroup')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='relay.message')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'indexes': [models.Index(condition=models.Q(('status__in', ['PENDING', 'RETRYING'])), fields=['endpoint', 'lane', 'id'], name='relay_delivery_undelivered'), models.Index(condition=models.Q(('claim_token', ''), _negated=True), fields=['endpoint', 'lane'], name='relay_delivery_claimed'), models.Index(condition=models.Q(('group__isnull', False), ('status__in', ['PENDING', 'RETRYING'])), fields=['group', 'lane', 'id'], name='relay_delivery_of_group'), models.Index(condition=models.Q(('replay_of__isnull', False)), fields=['replay_of'], name='relay_delivery_replays'), models.Index(fields=['subject'], name='relay_delivery_by_subject'), models.Index(fields=['status', '-id'], name='relay_delivery_by_status')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('group__isnull', True), ('replay_of__isnull', True)), fields=('message', 'endpoint'), name='relay_delivery_once'), models.UniqueConstraint(condition=models.Q(('group__isnull', False), ('replay_of__isnull', True), models.Q(('status', 'DEAD'), _negated=True)), fields=('message', 'group'), name='relay_delivery_once_a_group')],
            },
        ),
        migrations.CreateModel(
            name='GroupMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='relay.endpoint')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='relay.endpointgroup')),
            ],
            options={
                'ordering': ['position', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('group', 'endpoint'), name='relay_groupmember_once')],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('ms', models.PositiveIntegerField()),
                ('status_code', models.PositiveSmallIntegerField(null=True)),
                ('answer', models.CharField(blank=True, help_text='The first bytes of the answer.', max_length=500)),
                ('error', models.CharField(blank=True, max_length=200)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='relay.delivery')),
            ],
        ),
        migrations.CreateModel(
            name='DeadLetter',
            fields=[
            ],
            options={
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('relay.delivery',),
        ),
        migrations.AddField(
            model_name='endpointgroup',
            name='members',
            field=models.ManyToManyField(related_name='groups', through='relay.GroupMember', to='relay.endpoint'),
        ),
    ]
