-- Suppression: what the database enforces for every writer, so that an objection holds.
--
-- A suppression is the SHA-256 of a normalised value: an e-mail address in lower case with an IDNA host, a phone number in
-- E.164, or a host. That of a host holds for its subdomains and for the addresses there.
--
-- A writer of contacts or facts takes the lock below shared, and the statement that then reads the suppressions sees
-- all that are committed. suppress() takes it alone: when it deletes, no transaction is left that had read without it.
-- Like the guard's, the functions are SECURITY DEFINER with the search_path of the tables.

CREATE FUNCTION suppression_hash(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT encode(sha256(convert_to(value, 'UTF8')), 'hex')
$$;

-- The names under which a value may be suppressed: itself, and each domain that its host belongs to.
CREATE FUNCTION suppression_names(value text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower(value)
    UNION ALL
    SELECT array_to_string(labels[place:], '.')
    FROM string_to_array(split_part(lower(value), '@', -1), '.') AS labels,
         generate_series(1, cardinality(labels) - 1) AS place
    WHERE place > 1 OR value LIKE '%@%'
$$;
CREATE FUNCTION suppression_hashes(value text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(suppression_hash(name)) FROM suppression_names(value) AS name
$$;

CREATE FUNCTION is_suppressed(value text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    -- First whether there is any: most databases have none, and a hash costs more than the look.
    SELECT CASE WHEN EXISTS (SELECT FROM suppressions)
        THEN EXISTS (SELECT FROM suppressions WHERE hash = ANY (suppression_hashes(value))) ELSE false END
$$;

CREATE INDEX ix_contacts_suppression_hash ON contacts (suppression_hash(value));

-- The regular expression that finds an address, a phone number (digits, with or without +) or a host with its subdomains
-- and addresses, as texts spell them: also behind an escape of a URL (%20) or of JSON (\n).
CREATE FUNCTION spelling_of(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN value ~ '^\+?\d+$' THEN
            '(?<!\d)(?:\+|00?)?' || regexp_replace(ltrim(value, '+'), '\d(?=\d)', '\&[^\d\n]{0,3}', 'g') || '(?!\d)'
        ELSE
            '(?:(?<![[:alnum:]._+-])|(?<=%[0-9a-f]{2})|(?<=\\[bfnrt]))'
            || CASE WHEN value LIKE '%@%' THEN '' ELSE '(?:[[:alnum:]._%+-]+(?:@|%40))?(?:[[:alnum:]_-]+\.)*' END
            || replace(regexp_replace(value, '[].*+?^${}()|[\\]', '\\\&', 'g'), '@', '(?:@|%40)')
            || '(?![[:alnum:]-]|\.[[:alnum:]])'
    END
$$;

-- The addresses, and the phone numbers in international form, that a JSON text mentions, as they are hashed.
CREATE FUNCTION mentioned(given text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value
    -- An escape (\n) would be read as the beginning of the address behind it. Without bounds in the expression, which
    -- make it ten times slower.
    FROM regexp_matches(
            regexp_replace(given, '\\[bfnrt"\\]', ' ', 'g'),
            '([\w.%+&''-]+(?:@|%40)[\w.-]+)|(\+\d[\d ()./-]+\d)', 'g') AS spelled,
         rtrim(replace(lower(spelled[1]), '%40', '@'), '.-') AS address,
         -- Behind an escape of a URL (mailto:%20ann@…) it may begin as well.
         unnest(ARRAY[address, substring(address FROM '%[0-9a-f]{2}([^%@]+@.+)'),
                      '+' || regexp_replace(spelled[2], '\D', '', 'g')]) AS value
    -- First whether there may be any: most texts have none, and this look costs a tenth.
    WHERE given ~ '[\w.%+&''-](?:@|%40)[\w.-]|\+\d' AND length(value) BETWEEN 6 AND 320
$$;

-- The text without suppressed addresses, and without suppressed phone numbers in international form.
CREATE FUNCTION without_suppressed(given text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    value text;
BEGIN
    FOR value IN SELECT DISTINCT one FROM mentioned(given) AS one WHERE is_suppressed(one) LOOP
        given := regexp_replace(given, spelling_of(value), '[suppressed]', 'gi');
    END LOOP;
    RETURN given;
END
$$;

-- The beginning of a hash under which a mentioned value may be suppressed: short enough for an index, which finds the rows
-- that an objection is about. Two values that share it cost a second look and nothing else.
CREATE FUNCTION mention(hash text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || left(hash, 16))::bit(64)::bigint
$$;

-- Let a writer's next statement see every suppression that was committed, and no suppression miss what it writes. Whether
-- there is any: most databases have none, and their writers have nothing to look for.
CREATE FUNCTION read_suppressions() RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock_shared(7263550);
    -- A statement of its own: its snapshot must be taken after the lock.
    SELECT EXISTS (SELECT FROM suppressions)
$$;

-- What of a contact may be suppressed: the host of a form's URL, else the value itself. A profile's host is a network's.
CREATE FUNCTION suppressible(kind text, value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'form' THEN substring(value FROM '^https?://([^/:?#]+)') ELSE value END
$$;

-- Before a contact is stored: leave a suppressed one out, without an error.
CREATE FUNCTION keep_suppressed_out() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT read_suppressions() THEN
        RETURN NEW;
    END IF;
    IF is_suppressed(suppressible(NEW.kind, NEW.value)) OR EXISTS (
        SELECT FROM domains WHERE id = NEW.domain_id AND is_suppressed(domain)) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER contacts_suppressed BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION keep_suppressed_out();

-- Before facts of a website are stored, in the columns that the trigger names: all of a suppressed domain's are left out,
-- and suppressed addresses and numbers of others'. What the facts mention is stored beside them. Postgres would plan the
-- look for mentions anew for each text, which takes five times as long as the look.
CREATE FUNCTION mask_facts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    given jsonb := to_jsonb(NEW);
    facts jsonb;
    stored text;
BEGIN
    SELECT jsonb_object_agg(one, given -> one) INTO facts FROM unnest(TG_ARGV) AS one;
    IF read_suppressions() THEN
        IF is_suppressed(coalesce(
            given ->> 'domain', (SELECT domain FROM domains WHERE id = (given ->> 'domain_id')::bigint))) THEN
            SELECT jsonb_object_agg(one, NULL) INTO facts FROM unnest(TG_ARGV) AS one;
        ELSE
            facts := without_suppressed(facts::text)::jsonb;
        END IF;
        NEW := jsonb_populate_record(NEW, facts);
    END IF;
    stored := facts::text;
    SELECT array_agg(DISTINCT mention(suppression_hash(name))) INTO NEW.mentions
    FROM mentioned(stored) AS value, suppression_names(value) AS name;
    RETURN NEW;
END
$$;
CREATE TRIGGER domains_suppressed
    BEFORE UPDATE OF title, description, generator, tech_stack, organisation, meta_json, final_url, logo_url, favicon_url,
        mentions ON domains FOR EACH ROW EXECUTE FUNCTION mask_facts(
        title, description, generator, tech_stack, organisation, meta_json, final_url, logo_url, favicon_url);
CREATE TRIGGER domains_suppressed_created BEFORE INSERT ON domains
    FOR EACH ROW WHEN (coalesce(NEW.title, NEW.description, NEW.organisation::text, NEW.meta_json::text) IS NOT NULL)
    EXECUTE FUNCTION mask_facts(
        title, description, generator, tech_stack, organisation, meta_json, final_url, logo_url, favicon_url);
CREATE TRIGGER pages_suppressed BEFORE UPDATE OF title, h1, imprint, canonical_url, meta_robots, mentions ON pages
    FOR EACH ROW EXECUTE FUNCTION mask_facts(title, h1, imprint, canonical_url, meta_robots);
CREATE TRIGGER contact_sources_suppressed BEFORE INSERT ON contact_sources
    FOR EACH ROW WHEN (NEW.context IS NOT NULL) EXECUTE FUNCTION mask_facts(context);
-- Not when a reading finds the same text again.
CREATE TRIGGER contact_sources_suppressed_again BEFORE UPDATE OF context, mentions ON contact_sources
    FOR EACH ROW WHEN ((NEW.context, NEW.mentions) IS DISTINCT FROM (OLD.context, OLD.mentions))
    EXECUTE FUNCTION mask_facts(context);

-- Before what Google says about a business is stored: leave a suppressed phone number out.
CREATE FUNCTION mask_phone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT read_suppressions() THEN
        RETURN NEW;
    END IF;
    IF is_suppressed(NEW.phone) THEN
        NEW.phone := NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER local_businesses_suppressed BEFORE INSERT OR UPDATE OF phone ON local_businesses
    FOR EACH ROW WHEN (NEW.phone IS NOT NULL) EXECUTE FUNCTION mask_phone();

REVOKE EXECUTE ON FUNCTION keep_suppressed_out(), mask_facts(), mask_phone() FROM PUBLIC;

-- ==== Access and erasure ====

-- The columns in which any text may stand, of every table. A workflow's name is never one of a person's, and is the key of
-- history. "optional": it may become NULL; "is_key": its values must stay distinct.
CREATE FUNCTION text_columns() RETURNS TABLE (of_table text, of_column text, type text, optional boolean, is_key boolean)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT pg_class.relname, attname, format_type(atttypid, NULL),
           NOT attnotnull AND NOT EXISTS (
               SELECT FROM pg_constraint WHERE conrelid = attrelid AND contype = 'c' AND attnum = ANY (conkey)),
           EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND indisunique AND attnum = ANY (indkey))
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attgenerated = ''
      AND atttypid IN ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype) AND attname <> 'workflow'
$$;

-- One expression for all spellings of a person or a domain. Refuse what would find more than that.
CREATE FUNCTION subject_pattern(spellings text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path FROM CURRENT AS $$
BEGIN
    IF cardinality(spellings) > 0 AND NOT EXISTS (
        SELECT FROM unnest(spellings) AS one
        WHERE (one ~ '^([^\s@]+@)?[^\s@.]+(\.[^\s@.]+)+$' OR one ~ '^\+?\d{6,15}$') IS NOT TRUE) THEN
        RETURN (SELECT '(?:' || string_agg(spelling_of(one), '|') || ')' FROM unnest(spellings) AS one);
    END IF;
    RAISE EXCEPTION 'a subject is an e-mail address, a phone number of 6 to 15 digits, or a host' USING ERRCODE = 'SS003';
END
$$;

-- How many rows of each column hold one of the spellings.
CREATE FUNCTION find_subject(spellings text[]) RETURNS TABLE (of_table text, of_column text, number bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    pattern text := subject_pattern(spellings);
BEGIN
    FOR of_table, of_column IN SELECT one.of_table, one.of_column FROM text_columns() AS one ORDER BY 1, 2 LOOP
        EXECUTE format('SELECT count(*) FROM %I WHERE %I::text ~* $1', of_table, of_column) INTO number USING pattern;
        IF number > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;

-- Replace the spellings in every column of every table; return how many rows of each table were changed. Contacts that
-- are the subject's are deleted. Called by the trigger of erasures, which may change history.
CREATE FUNCTION erase_everywhere(spellings text[]) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    pattern text := subject_pattern(spellings);
    counts jsonb := '{}';
    changed bigint;
    of_table text;
    assignments text;
    condition text;
BEGIN
    DELETE FROM contacts WHERE value ~* pattern;
    GET DIAGNOSTICS changed = ROW_COUNT;
    counts := CASE WHEN changed > 0 THEN jsonb_build_object('contacts', changed) ELSE counts END;
    FOR of_table, assignments, condition IN
        SELECT one.of_table,
               string_agg(format(CASE
                   WHEN type = 'text[]' AND optional THEN
                       '%1$I = nullif(ARRAY(SELECT one FROM unnest(%1$I) AS one WHERE one !~* $1), ''{}'')'
                   WHEN type = 'text[]' THEN '%1$I = ARRAY(SELECT one FROM unnest(%1$I) AS one WHERE one !~* $1)'
                   -- First a number of JSON, which has no quotes.
                   WHEN type = 'jsonb' THEN
                       '%1$I = regexp_replace(regexp_replace(%1$I::text, ''((?:[:,]|\[) ?)'' || $1 || ''(?=[,}]|\])'', ''\1null'','
                       ' ''gi''), $1, ''[erased]'', ''gi'')::jsonb'
                   WHEN is_key THEN
                       '%1$I = regexp_replace(%1$I, $1, ''[erased '' || gen_random_uuid() || '']'', ''gi'')'
                   WHEN optional THEN '%1$I = nullif(regexp_replace(%1$I, $1, ''[erased]'', ''gi''), ''[erased]'')'
                   ELSE '%1$I = regexp_replace(%1$I, $1, ''[erased]'', ''gi'')' END, of_column), ', '),
               string_agg(format('%I::text ~* $1', of_column), ' OR ')
        FROM text_columns() AS one GROUP BY one.of_table ORDER BY one.of_table
    LOOP
        EXECUTE format('UPDATE %I SET %s WHERE %s', of_table, assignments, condition) USING pattern;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed > 0 THEN
            counts := jsonb_set(counts, ARRAY[of_table], to_jsonb(coalesce((counts ->> of_table)::bigint, 0) + changed));
        END IF;
    END LOOP;
    RETURN counts;
END
$$;

-- Erase a subject everywhere, and store who asked for it and why, but not whom it is about.
CREATE FUNCTION erase_subject(spellings text[], by_actor text, for_reason text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    counts jsonb;
BEGIN
    PERFORM set_config('scrapersky.erased', to_jsonb(spellings)::text, true);
    INSERT INTO erasures (workflow, record_ids, actor, reason) VALUES ('*', '{}', by_actor, for_reason)
    RETURNING changed INTO counts;
    PERFORM set_config('scrapersky.erased', '', true);
    RETURN counts;
END
$$;

REVOKE EXECUTE ON FUNCTION erase_everywhere(text[]), erase_subject(text[], text, text), find_subject(text[]) FROM PUBLIC;
