import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_throttle"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="frozen_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name="accountsync",
            name="due_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="When it is read next; also the claim of who reads it.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="accountsync",
            name="told_at",
            field=models.DateTimeField(help_text="When the present problem was told to people.", null=True),
        ),
        migrations.AddField(
            model_name="credential",
            name="next_check_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="When a trade worker asks the venue again; also its claim.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="credential",
            name="set_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.AddField(
            model_name="credential",
            name="test_result",
            field=models.CharField(blank=True, help_text="What came of it, in words.", max_length=300),
        ),
        migrations.AddField(
            model_name="credential",
            name="tested_at",
            field=models.DateTimeField(help_text="When the connection was last tried, with any result.", null=True),
        ),
    ]
