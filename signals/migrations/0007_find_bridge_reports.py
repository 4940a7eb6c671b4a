from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signals", "0006_watch_for_a_deaf_portal")]

    operations = [
        migrations.AddIndex(
            model_name="bridgereport",
            index=models.Index(fields=["received_at"], name="signals_bridgereport_by_time"),
        ),
        migrations.AddIndex(
            model_name="bridgereport",
            index=models.Index(fields=["subject"], name="signals_bridgereport_subject"),
        ),
    ]
