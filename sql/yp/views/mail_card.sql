-- mail_card: one mail of the outbox, as the service renders and sends it.
CREATE OR REPLACE VIEW mail_card AS
SELECT
    m.id,
    JSON_OBJECT(
        'id', m.id,
        'email', m.recipient,
        'template', m.template,
        'lang', m.lang,
        'data', JSON_COMPACT(m.data)
    ) AS data
FROM mail_outbox AS m;
