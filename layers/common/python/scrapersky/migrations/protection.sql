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

-- The hashes under which a value may be suppressed: of itself, and of each domain that its host belongs to.
CREATE FUNCTION suppression_hashes(value text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(suppression_hash(name)) FROM (
        SELECT lower(value) AS name
        UNION ALL
        SELECT array_to_string(labels[place:], '.')
        FROM string_to_array(split_part(lower(value), '@', -1), '.') AS labels,
             generate_series(1, cardinality(labels) - 1) AS place
        WHERE place > 1 OR value LIKE '%@%'
    ) AS names
$$;

CREATE FUNCTION is_suppressed(value text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT EXISTS (SELECT FROM suppressions WHERE hash = ANY (suppression_hashes(value)))
$$;

CREATE INDEX ix_contacts_suppression_hash ON contacts (suppression_hash(value));

-- The regular expression that finds an address, a phone number (digits after the +) or a host as texts spell it.
CREATE FUNCTION spelling_of(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN value ~ '^\+?\d+$' THEN
            '(?<!\d)(?:\+|00)?' || regexp_replace(ltrim(value, '+'), '\d(?=\d)', '\&[^\d\n]{0,3}', 'g') || '(?!\d)'
        ELSE
            '(?<![a-z0-9._+-])' || replace(regexp_replace(value, '[^a-z0-9@-]', '\\\&', 'gi'), '@', '(?:@|%40)')
            || '(?![a-z0-9-]|\.[a-z0-9])'
    END
$$;

-- The text without suppressed addresses, and without suppressed phone numbers in international form.
CREATE FUNCTION without_suppressed(given text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    value text;
BEGIN
    FOR value IN
        SELECT DISTINCT CASE WHEN spelled[1] IS NULL THEN '+' || regexp_replace(spelled[2], '\D', '', 'g')
                             ELSE rtrim(replace(lower(spelled[1]), '%40', '@'), '.-') END
        FROM regexp_matches(
            given, '([\w.%+&''-]{1,64}(?:@|%40)[\w.-]{3,253})|(\+\d[\d ()./-]{5,22}\d)', 'gi') AS spelled
    LOOP
        IF is_suppressed(value) THEN
            given := regexp_replace(given, spelling_of(value), '[suppressed]', 'gi');
        END IF;
    END LOOP;
    RETURN given;
END
$$;

-- Let a writer's next statement see every suppression that was committed, and no suppression miss what it writes.
CREATE FUNCTION read_suppressions() RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_advisory_xact_lock_shared(7263550)
$$;

-- Before a contact is stored: leave a suppressed one out, without an error.
CREATE FUNCTION keep_suppressed_out() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM read_suppressions();
    IF is_suppressed(NEW.value) OR EXISTS (
        SELECT FROM domains WHERE id = NEW.domain_id AND is_suppressed(domain)) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER contacts_suppressed BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION keep_suppressed_out();

-- Before the text around a contact is stored: remove the suppressed ones beside it.
CREATE FUNCTION mask_context() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM read_suppressions();
    NEW.context := without_suppressed(NEW.context);
    RETURN NEW;
END
$$;
CREATE TRIGGER contact_sources_suppressed BEFORE INSERT OR UPDATE OF context ON contact_sources
    FOR EACH ROW WHEN (NEW.context IS NOT NULL) EXECUTE FUNCTION mask_context();

-- Before facts of a home page are stored: all of a suppressed domain's are left out, and suppressed addresses of others'.
CREATE FUNCTION mask_facts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM read_suppressions();
    IF is_suppressed(NEW.domain) THEN
        NEW.title := NULL;
        NEW.description := NULL;
        NEW.organisation := NULL;
        NEW.meta_json := NULL;
        NEW.final_url := NULL;
        NEW.logo_url := NULL;
        NEW.favicon_url := NULL;
    ELSIF EXISTS (SELECT FROM suppressions) THEN
        NEW.title := without_suppressed(NEW.title);
        NEW.description := without_suppressed(NEW.description);
        NEW.organisation := without_suppressed(NEW.organisation::text)::jsonb;
        NEW.meta_json := without_suppressed(NEW.meta_json::text)::jsonb;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER domains_suppressed BEFORE UPDATE OF title, description, organisation, meta_json ON domains
    FOR EACH ROW EXECUTE FUNCTION mask_facts();
CREATE TRIGGER domains_suppressed_created BEFORE INSERT ON domains
    FOR EACH ROW WHEN (NEW.title IS NOT NULL OR NEW.description IS NOT NULL OR NEW.organisation IS NOT NULL
                       OR NEW.meta_json IS NOT NULL) EXECUTE FUNCTION mask_facts();

-- Before what Google says about a business is stored: leave a suppressed phone number out.
CREATE FUNCTION mask_phone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM read_suppressions();
    IF is_suppressed(NEW.phone) THEN
        NEW.phone := NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER local_businesses_suppressed BEFORE INSERT OR UPDATE OF phone ON local_businesses
    FOR EACH ROW WHEN (NEW.phone IS NOT NULL) EXECUTE FUNCTION mask_phone();

REVOKE EXECUTE ON FUNCTION keep_suppressed_out(), mask_context(), mask_facts(), mask_phone() FROM PUBLIC;
