-- Changes: what a later reading of a website finds different, one row for each fact. A first reading changes nothing.
--
-- Triggers write them, so that every writer of a reading does. Suppressing and erasing are no readings.

-- Before a change is stored: leave a suppressed one out, and store what an objection finds it by.
CREATE FUNCTION keep_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    hashes text[];
BEGIN
    SELECT array_agg(DISTINCT suppression_hash(name)) INTO hashes
    FROM unnest(ARRAY[NEW.old, NEW.new]) AS given,
         LATERAL (SELECT mentioned(given) UNION ALL SELECT suppressible(NEW.field, given)) AS of_given (value),
         suppression_names(value) AS name;
    IF read_suppressions() AND EXISTS (SELECT FROM suppressions WHERE hash = ANY (hashes)) THEN
        RETURN NULL;
    END IF;
    NEW.mentions := ARRAY(SELECT mention(hash) FROM unnest(hashes) AS hash);
    RETURN NEW;
END
$$;
CREATE TRIGGER changes_suppressed BEFORE INSERT OR UPDATE OF old, new ON changes
    FOR EACH ROW EXECUTE FUNCTION keep_change();

-- After a later reading of a home page. What was withheld is not stored as an old value.
CREATE FUNCTION change_facts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO changes (domain_id, tenant, field, old, new)
    SELECT NEW.id, NEW.tenant, field, CASE WHEN after LIKE '%[withheld]%' THEN NULL ELSE before END, after
    FROM (
        VALUES ('title', OLD.title, NEW.title), ('final_url', OLD.final_url, NEW.final_url)
        UNION ALL
        -- A technology with its version: added, removed, or in another version.
        SELECT 'technology', nullif(concat_ws(' ', gone ->> 'name', gone ->> 'version'), ''),
               nullif(concat_ws(' ', came ->> 'name', came ->> 'version'), '')
        FROM jsonb_array_elements(coalesce(OLD.tech_stack, '[]')) AS gone
        FULL JOIN jsonb_array_elements(coalesce(NEW.tech_stack, '[]')) AS came ON gone ->> 'name' = came ->> 'name'
    ) AS changed (field, before, after)
    WHERE before IS DISTINCT FROM after;
    RETURN NULL;
END
$$;
CREATE TRIGGER domains_changed AFTER UPDATE OF title, final_url, tech_stack ON domains FOR EACH ROW
    WHEN (OLD.last_scan < NEW.last_scan
          AND (OLD.title, OLD.final_url, OLD.tech_stack) IS DISTINCT FROM (NEW.title, NEW.final_url, NEW.tech_stack))
    EXECUTE FUNCTION change_facts();

-- After a reading has found contacts: those are changes that a page gives which was read before. Each LIMIT makes a look-up
-- by key for each contact the only plan.
CREATE FUNCTION change_contacts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO changes (domain_id, tenant, field, new)
    SELECT domain_id, tenant, kind, value FROM added
    WHERE (
        SELECT true FROM contact_sources WHERE contact_id = added.id AND (
            SELECT true FROM attempts
            WHERE workflow = CASE WHEN page_id IS NULL THEN 'metadata' ELSE 'page_reading' END
              AND record_id = coalesce(page_id, domain_id) AND outcome = 'done' AND finished_at < now() LIMIT 1)
        LIMIT 1)
    ORDER BY id;
    RETURN NULL;
END
$$;
CREATE TRIGGER contacts_added AFTER INSERT ON contacts REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION change_contacts();

-- After a contact is gone, or found again.
CREATE FUNCTION change_contact() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO changes (domain_id, tenant, field, old, new)
    VALUES (NEW.domain_id, NEW.tenant, NEW.kind, CASE WHEN NEW.gone_at IS NOT NULL THEN NEW.value END,
            CASE WHEN NEW.gone_at IS NULL THEN NEW.value END);
    RETURN NULL;
END
$$;
CREATE TRIGGER contacts_changed AFTER UPDATE OF gone_at ON contacts FOR EACH ROW
    WHEN ((OLD.gone_at IS NULL) <> (NEW.gone_at IS NULL)) EXECUTE FUNCTION change_contact();

REVOKE EXECUTE ON FUNCTION keep_change(), change_facts(), change_contacts(), change_contact() FROM PUBLIC;
