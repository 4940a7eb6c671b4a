"""0001_initial to 0007_groups_and_telegram in one step, for new installations; an older one goes on from where it is."""

from importlib import import_module

import django.contrib.auth.models
import django.contrib.auth.validators
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import tradeops.core.fields
from django.conf import settings
from django.db import migrations, models


throttle = import_module("accounts.migrations.0005_throttle")


class Migration(migrations.Migration):

    initial = True
    replaces = [
        ("accounts", "0001_initial"),
        ("accounts", "0002_firewall"),
        ("accounts", "0003_firewall_bans_after_thirty"),
        ("accounts", "0004_venues_and_credentials"),
        ("accounts", "0005_throttle"),
        ("accounts", "0006_connection_tests_and_freezes"),
        ("accounts", "0007_groups_and_telegram"),
    ]

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='Client',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('name', models.CharField(max_length=120)),
            ],
        ),
        migrations.CreateModel(
            name='FirewallBan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('network', models.CharField(help_text='A single IPv4 address, or an IPv6 /64.', max_length=43, unique=True)),
                ('reason', models.CharField(max_length=80)),
                ('failures', models.PositiveIntegerField(help_text='How many of them brought it about.')),
                ('strikes', models.PositiveIntegerField(default=1, help_text='Which ban in a row this is.')),
                ('banned_at', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('lifted_at', models.DateTimeField(null=True)),
                ('lifted_by', models.CharField(blank=True, max_length=150)),
            ],
            options={
                'indexes': [models.Index(fields=['until'], name='accounts_firewallban_until')],
            },
        ),
        migrations.CreateModel(
            name='FirewallRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('network', models.CharField(blank=True, help_text='An address or a network, such as 203.0.113.9 or 203.0.113.0/24.', max_length=43)),
                ('country', models.CharField(blank=True, help_text='ISO 3166 code, such as DE. Give this or a network, not both.', max_length=2)),
                ('action', models.CharField(choices=[('allow', 'Allow'), ('deny', 'Deny')], default='deny', max_length=5)),
                ('note', models.CharField(blank=True, help_text='Why it is there, for whoever finds it in a year.', max_length=200)),
                ('expires_at', models.DateTimeField(blank=True, help_text='UTC; empty = for good.', null=True, verbose_name='until')),
                ('created_by', models.CharField(blank=True, editable=False, max_length=150)),
                ('created_at', models.DateTimeField(editable=False)),
                ('changed_by', models.CharField(blank=True, editable=False, max_length=150)),
                ('changed_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('country__gt', ''), ('network', '')), models.Q(('country', ''), ('network__gt', '')), _connector='OR'), name='accounts_firewallrule_network_or_country'), models.UniqueConstraint(condition=models.Q(('network', ''), _negated=True), fields=('network',), name='accounts_firewallrule_one_per_network'), models.UniqueConstraint(condition=models.Q(('country', ''), _negated=True), fields=('country',), name='accounts_firewallrule_one_per_country')],
            },
        ),
        migrations.CreateModel(
            name='FirewallSettings',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('default', models.CharField(choices=[('allow', 'allow: everybody whom no rule keeps out'), ('deny', 'deny: everybody whom no rule lets in')], default='allow', max_length=5, verbose_name='whom no rule names')),
                ('ban_after', models.PositiveIntegerField(default=30, help_text='Failed authentications of one address that bring about a ban; 0 = no automatic bans.', validators=[django.core.validators.MaxValueValidator(100000)])),
                ('within_seconds', models.PositiveIntegerField(default=600, help_text='The time in which they are counted.', validators=[django.core.validators.MinValueValidator(10), django.core.validators.MaxValueValidator(86400)])),
                ('ban_seconds', models.PositiveIntegerField(default=3600, help_text='How long the first ban lasts; each repeat within a week lasts twice as long.', validators=[django.core.validators.MinValueValidator(10), django.core.validators.MaxValueValidator(2592000)])),
                ('longest_seconds', models.PositiveIntegerField(default=86400, help_text='No ban lasts longer.', validators=[django.core.validators.MinValueValidator(10), django.core.validators.MaxValueValidator(2592000)])),
            ],
            options={
                'verbose_name': 'firewall settings',
                'verbose_name_plural': 'firewall settings',
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='accounts_firewallsettings_one_row'), models.CheckConstraint(condition=models.Q(('longest_seconds__gte', models.F('ban_seconds'))), name='accounts_firewallsettings_longest_is_longer')],
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('broker', models.CharField(help_text='Which broker executes: the names are in settings.BROKERS.', max_length=40)),
                ('market', models.CharField(choices=[('spot', 'Spot'), ('swap', 'Swap'), ('futures', 'Futures'), ('option', 'Option')], default='spot', max_length=8)),
                ('sandbox', models.BooleanField(default=False, help_text="The venue's own test environment.")),
                ('base_url', models.URLField(blank=True, help_text="Overrides the venue's address.")),
                ('leverage', tradeops.core.fields.ExactDecimalField(blank=True, help_text='Set at the venue before an entry; empty = as it is.', null=True)),
                ('margin_mode', models.CharField(choices=[('cross', 'Cross'), ('isolated', 'Isolated')], default='cross', max_length=8)),
                ('external_trades', models.CharField(choices=[('ignore', 'Ignore'), ('adopt', 'Adopt'), ('block', 'Block')], default='ignore', help_text='What trades mean that were made by hand at the venue.', max_length=6)),
                ('prices', models.CharField(blank=True, help_text='Where prices come from; empty = by kind (paper: simulated, live: venue).', max_length=60)),
                ('currency', models.CharField(default='USDT', help_text='What limits and equity are counted in.', max_length=12)),
                ('time_zone', models.CharField(default='UTC', help_text='Its days, for loss limits, begin by this.', max_length=60)),
                ('slippage_bps', tradeops.core.fields.ExactDecimalField(default=0, help_text='Paper: how far beyond the quote a market order fills.')),
                ('fee_bps', tradeops.core.fields.ExactDecimalField(default=0, help_text="Paper: fee in basis points of the fill's value.")),
                ('initial_balances', models.JSONField(blank=True, default=dict, help_text='Paper: {"USDT": "100000"}.')),
                ('dry_run', models.BooleanField(default=False, help_text='The broker only says what it would do.')),
                ('active', models.BooleanField(default=True)),
                ('frozen_reason', models.CharField(blank=True, help_text='Not empty: no new entries; exits pass.', max_length=200)),
                ('frozen_at', models.DateTimeField(blank=True, null=True)),
                ('frozen_by', models.CharField(blank=True, max_length=150)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('twin_of', models.OneToOneField(blank=True, help_text='The real account that this paper account stands for in strategies of mode paper.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='paper_twin', to='accounts.account')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='accounts.client')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('twin_of__isnull', True), ('broker', 'paper'), _connector='OR'), name='accounts_account_twin_is_paper')],
            },
        ),
        migrations.CreateModel(
            name='Operator',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('operator', 'Operator'), ('admin', 'Admin'), ('client', 'Client')], default='viewer', help_text='A superuser is an admin whatever it says.', max_length=8)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                ('clients', models.ManyToManyField(blank=True, help_text='Whose accounts this person sees. Superusers see all.', related_name='operators', to='accounts.client')),
            ],
            options={
                'verbose_name': 'operator',
            },
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name='AccountGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='AccountPosition',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('symbol', models.CharField(max_length=60)),
                ('side', models.CharField(max_length=5)),
                ('quantity', tradeops.core.fields.ExactDecimalField()),
                ('average_price', tradeops.core.fields.ExactDecimalField(null=True)),
                ('mark_price', tradeops.core.fields.ExactDecimalField(null=True)),
                ('unrealised_pnl', tradeops.core.fields.ExactDecimalField(null=True)),
                ('liquidation_price', tradeops.core.fields.ExactDecimalField(null=True)),
                ('leverage', tradeops.core.fields.ExactDecimalField(null=True)),
                ('margin_mode', models.CharField(blank=True, max_length=8)),
                ('at', models.DateTimeField()),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='venue_positions', to='accounts.account')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('account', 'symbol', 'side'), name='accounts_accountposition_one')],
            },
        ),
        migrations.CreateModel(
            name='AccountSync',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField(help_text='Somebody waits for it to be read now.', null=True)),
                ('due_at', models.DateTimeField(help_text='When it is read next; also the claim of who reads it.')),
                ('synced_at', models.DateTimeField(null=True)),
                ('problem', models.CharField(blank=True, max_length=300)),
                ('problem_since', models.DateTimeField(null=True)),
                ('told_at', models.DateTimeField(help_text='When the present problem was told to people.', null=True)),
                ('equity', tradeops.core.fields.ExactDecimalField(help_text="In the account's currency, where the venue tells.", null=True)),
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='sync', to='accounts.account')),
            ],
        ),
        migrations.CreateModel(
            name='Credential',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed', models.TextField(editable=False, help_text='Base64 of a sealed box (X25519, XSalsa20-Poly1305).')),
                ('names', models.JSONField(default=list, help_text='Which parts are there: api_key, secret, passphrase …')),
                ('fingerprint', models.CharField(editable=False, help_text='A keyed digest, to see whether a new one differs.', max_length=64)),
                ('host', models.CharField(max_length=200)),
                ('set_at', models.DateTimeField()),
                ('set_by', models.CharField(blank=True, max_length=150)),
                ('test_asked_at', models.DateTimeField(help_text='Somebody waits for a test of the connection.', null=True)),
                ('next_check_at', models.DateTimeField(help_text='When a trade worker asks the venue again; also its claim.')),
                ('tested_at', models.DateTimeField(help_text='When the connection was last tried, with any result.', null=True)),
                ('test_result', models.CharField(blank=True, help_text='What came of it, in words.', max_length=300)),
                ('checked_at', models.DateTimeField(help_text='When the venue last told what the key may do.', null=True)),
                ('problem', models.CharField(blank=True, help_text='Why it cannot be used; empty = it can.', max_length=300)),
                ('facts', models.JSONField(default=dict, help_text='read, trade, withdraw, ip_bound, position_mode, notes.')),
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='credential', to='accounts.account')),
            ],
        ),
        migrations.CreateModel(
            name='AccountBalance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('currency', models.CharField(max_length=20)),
                ('total', tradeops.core.fields.ExactDecimalField()),
                ('free', tradeops.core.fields.ExactDecimalField()),
                ('at', models.DateTimeField()),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='balances', to='accounts.account')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('account', 'currency'), name='accounts_accountbalance_one')],
            },
        ),
        migrations.CreateModel(
            name='TelegramCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code_hash', models.CharField(max_length=64, unique=True)),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('operator', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='telegram_codes', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='TelegramCommand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('update_id', models.BigIntegerField(help_text="Telegram's: an update counts once.", unique=True)),
                ('chat_id', models.BigIntegerField()),
                ('verb', models.CharField(max_length=20)),
                ('arguments', models.JSONField(default=list)),
                ('status', models.CharField(choices=[('DONE', 'Done'), ('ASKED', 'Asked'), ('REFUSED', 'Refused'), ('EXPIRED', 'Expired'), ('FAILED', 'Failed')], max_length=7)),
                ('answer', models.CharField(blank=True, max_length=300)),
                ('token', models.CharField(blank=True, help_text='Of the buttons that confirm it.', max_length=32)),
                ('at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('operator', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='telegram_commands', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['-at'], name='accounts_tgcommand_by_time')],
            },
        ),
        migrations.CreateModel(
            name='TelegramLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('chat_id', models.BigIntegerField(help_text="Of the private chat with the bot: also the person's Telegram id.")),
                ('name', models.CharField(blank=True, help_text='As Telegram showed it when it was linked.', max_length=120)),
                ('linked_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('operator', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='telegram_links', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('chat_id',), name='accounts_telegramlink_one_operator')],
            },
        ),
        migrations.CreateModel(
            name='AccountGroupMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('multiplier', tradeops.core.fields.ExactDecimalField(default=1, help_text="Times the strategy's size.")),
                ('cap', tradeops.core.fields.ExactDecimalField(blank=True, help_text='The most an entry may be worth, in the quote currency.', null=True)),
                ('paused', models.BooleanField(default=False, help_text='No entries; exits pass.')),
                ('start', models.CharField(choices=[('now', 'Now'), ('next_flat', 'Next Flat')], default='now', max_length=9)),
                ('started_at', models.DateTimeField(blank=True, help_text='Empty: it waits for the strategy to be flat.', null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='accounts.account')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='accounts.accountgroup')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('group', 'account'), name='accounts_groupmember_once')],
            },
        ),
        migrations.AddField(
            model_name='accountgroup',
            name='accounts',
            field=models.ManyToManyField(related_name='groups', through='accounts.AccountGroupMember', to='accounts.account'),
        ),
        migrations.RunPython(throttle.make, throttle.drop),
    ]
