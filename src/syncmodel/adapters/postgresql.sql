CREATE EXTENSION pglogical;
CREATE TABLE notes (id text COLLATE "C" PRIMARY KEY, title text NOT NULL, votes bigint NOT NULL);
CREATE TABLE marks (node text PRIMARY KEY, tick bigint NOT NULL);
SELECT pglogical.create_node('%(node)s', '%(at)s');
SELECT pglogical.replication_set_add_table('default', 'notes');
SELECT pglogical.replication_set_add_table('default', 'marks');
CREATE FUNCTION subscribe(name, text) RETURNS oid LANGUAGE SQL AS $$
  SELECT pglogical.create_subscription($1, $2, synchronize_data := false, forward_origins := '{}')
$$;
-- A worker that lost its provider comes back after five seconds, a new one dials at once; but not
-- where the old one ends later than that.
CREATE PROCEDURE dial_again(subscription name) LANGUAGE plpgsql AS $$ BEGIN
  PERFORM pglogical.alter_subscription_disable(subscription, true);
  COMMIT;
  FOR i IN 1..2000 LOOP
    EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'pglogical apply%%');
    PERFORM pg_sleep(0.005), pg_stat_clear_snapshot();
  END LOOP;
  PERFORM pglogical.alter_subscription_enable(subscription, true);
END $$;
