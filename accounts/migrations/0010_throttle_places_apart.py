from importlib import import_module

from django.db import migrations

# As `0005_throttle` made it, but for two things: a place never moves to where another is, as the two would be one from
# then on; and what one limit puts off is asked of the others anew.
AGAIN = """
CREATE OR REPLACE FUNCTION accounts_throttle_again(
    names text[], counts int[], windows float8[], spans float8[], intervals float8[], costs int[], taken float8,
    used boolean, OUT wait float8, OUT at float8
) LANGUAGE plpgsql AS $$
DECLARE
    moment float8;
    others float8[];
    before int;
    found float8;
    span float8;
    moved float8;
    asked float8;
    state accounts_throttle%ROWTYPE;
BEGIN
    PERFORM 1 FROM accounts_throttle WHERE name = ANY(names) ORDER BY name FOR UPDATE;
    moment := extract(epoch FROM clock_timestamp());
    at := moment;
    LOOP -- what one limit puts off has to be right for the others then
        asked := at;
        FOR i IN 1 .. cardinality(names) LOOP
            EXIT WHEN used;
            SELECT * INTO state FROM accounts_throttle WHERE name = names[i];
            at := greatest(at, state.held);
            CONTINUE WHEN counts[i] = 0;
            others := ARRAY(SELECT x FROM unnest(state.places) x WHERE x <> taken ORDER BY x);
            span := 0.000002;
            LOOP
                before := (SELECT count(*) FROM unnest(others) x WHERE x <= at);
                found := coalesce(others[before] + span, 0);
                IF before > counts[i] - costs[i] THEN
                    found := greatest(found, others[before - counts[i] + costs[i]] + windows[i]);
                END IF;
                EXIT WHEN found <= at;
                at := found;
                IF at > moment + 0.000002 THEN
                    span := spans[i];
                END IF;
            END LOOP;
        END LOOP;
        EXIT WHEN at = asked;
    END LOOP;
    wait := at - moment;
    FOR i IN 1 .. cardinality(names) LOOP
        IF counts[i] > 0 THEN
            moved := CASE WHEN used THEN least(moment, taken + windows[i]) ELSE at END;
            SELECT * INTO state FROM accounts_throttle WHERE name = names[i];
            WHILE used AND moved <> taken AND moved = ANY(state.places) LOOP
                moved := moved + 0.000002;
            END LOOP;
            UPDATE accounts_throttle
               SET places = ARRAY(SELECT x FROM unnest(array_replace(places, taken, moved)) x ORDER BY x)
             WHERE name = names[i];
        END IF;
    END LOOP;
END $$
"""
first = import_module("accounts.migrations.0005_throttle")


def make(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(AGAIN, params=None)


def back(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(first.AGAIN.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"), params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_venue_settings")]
    operations = [migrations.RunPython(make, back)]
