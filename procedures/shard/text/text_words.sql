-- text_words: split a text of any length into words, runs of letters and digits; or find the email addresses
-- in it, and parts of addresses: runs of letters, digits and a few signs around an @.
--
-- The collation of the index ignores case, accents, ligatures and widths. Letters that it keeps apart, and
-- that people write for each other, become one here: a Turkish dotless i, a thorn, the Arabic letters of
-- several languages, and letters that are composed in one text and decomposed in another. A sign such as an
-- emoji is a word of its own.
-- An import finds the same words in service/contacts/search_words.py; a test compares both.
--
-- A short text in ASCII takes few statements, which cost more than their patterns. Any other text is taken in
-- pieces, because MariaDB reads the rest of the text again for each match of a pattern: 8,000 short words
-- would take half a second. A piece ends behind a character that stands in no number and in no address. Only
-- a run of 512 characters without such a one is cut anywhere; its words stay whole.
--
-- Params:   in_text   a text, or NULL
--           in_form   plain: as it is; typed: without the signs that people write between digits (612-34.56
--                     is 6123456) or letters (O'Brien, Anna-Lena), and without zeros before a number;
--                     both: plain and typed; mails: the addresses; parts: the addresses, and
--                     each of them from its @ on
-- Returns:  a value   JSON array of words, with an empty text where the text starts or ends with
--                     another character
-- Errors:   none
-- Example:  SELECT text_words('Ada Lovelace, Countess', 'plain');
DELIMITER $$
CREATE OR REPLACE FUNCTION text_words(
    in_text LONGTEXT,
    in_form VARCHAR(5) COLLATE ascii_bin
)
    RETURNS LONGTEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rest, v_words, v_typed_words LONGTEXT;
    DECLARE v_piece, v_typed TEXT;
    DECLARE v_length, v_syllable INT UNSIGNED;
    DECLARE v_letter VARCHAR(4) COLLATE utf8mb4_bin;
    -- each letter with the one it becomes
    DECLARE v_letters VARCHAR(255) COLLATE utf8mb4_bin DEFAULT
        'þth Þth ŧt Ŧt ŋn Ŋn йи Йи їі Їі ўу Ўу ѓг Ѓг ќк Ќк ӣи Ӣи ӯу Ӯу ӑа Ӑа ӗе Ӗе ӳу Ӳу ӧо Ӧо ӱу Ӱу ӹы Ӹы '
        '髙高 﨑崎 ';

    IF LENGTH(in_text) < 512 AND LENGTH(in_text) = CHAR_LENGTH(in_text)
       AND (in_form = 'plain'
            OR in_form IN ('typed', 'both')
               -- signs between digits or letters, and zeros before a number
               AND in_text NOT RLIKE
                   '(?<=[0-9A-Za-z])[-''`()\\/]|(?<=[0-9])\\.[0-9]|(?<![0-9A-Za-z])0+[1-9][0-9]{4}') THEN
        RETURN CONCAT('["', REGEXP_REPLACE(in_text, '[^0-9A-Za-z]+', '","'), '"]');
    ELSEIF in_form IN ('mails', 'parts') AND COALESCE(LOCATE('@', in_text), 0) = 0 THEN
        RETURN '[]';
    END IF;

    SET v_rest = REPLACE(COALESCE(in_text, ''), 'ı', 'i'), v_words = '', v_typed_words = '';
    IF v_rest RLIKE '\\p{Arabic}' THEN
        -- each also as old programs store its shapes: alef with its signs; yeh of Arabic, Persian, Urdu and
        -- Pashto; waw; teh marbuta and the letters heh; kaf; lam with alef; the sign that stretches a word
        SET v_rest = REGEXP_REPLACE(
                v_rest, '[\\x{622}\\x{623}\\x{625}\\x{671}\\x{FB50}\\x{FB51}\\x{FE81}-\\x{FE84}\\x{FE87}'
                        '\\x{FE88}]', 'ا'
            ),
            v_rest = REGEXP_REPLACE(
                v_rest, '[\\x{626}\\x{649}\\x{6CC}\\x{6D0}\\x{6D2}\\x{6D3}\\x{FBAE}-\\x{FBB1}\\x{FBFC}-'
                        '\\x{FBFF}\\x{FE89}-\\x{FE8C}\\x{FEEF}\\x{FEF0}]', 'ي'
            ),
            v_rest = REGEXP_REPLACE(v_rest, '[\\x{624}\\x{6C6}-\\x{6C8}\\x{6CB}\\x{FE85}\\x{FE86}]', 'و'),
            v_rest = REGEXP_REPLACE(
                v_rest, '[\\x{629}\\x{6BE}\\x{6C0}-\\x{6C3}\\x{6D5}\\x{6FF}\\x{FBA4}-\\x{FBAD}\\x{FE93}'
                        '\\x{FE94}]', 'ه'
            ),
            v_rest = REGEXP_REPLACE(v_rest, '[\\x{6A9}\\x{6AA}\\x{FB8E}-\\x{FB91}]', 'ك'),
            v_rest = REGEXP_REPLACE(REGEXP_REPLACE(v_rest, '[\\x{FEF5}-\\x{FEFA}]', 'لا'), '\\x{640}', '');
    END IF;
    IF v_rest RLIKE '(?i)[þŧŋйїўѓќӣӯӑӗӳӧӱӹ髙﨑ʻʾʿํᄀ-ᄒ]' THEN
        -- a Thai vowel in two letters, also with a tone between them; signs that transliterate a letter
        SET v_rest = REGEXP_REPLACE(v_rest, '\\x{E4D}([\\x{E48}-\\x{E4B}]?)\\x{E32}', '\\1ำ'),
            v_rest = REGEXP_REPLACE(v_rest, '[ʻʾʿ]', '');
        WHILE v_rest RLIKE '(?i)[þŧŋйїўѓќӣӯӑӗӳӧӱӹ髙﨑]' DO
            SET v_letter = REGEXP_SUBSTR(v_rest, '(?i)[þŧŋйїўѓќӣӯӑӗӳӧӱӹ髙﨑]'),
                v_rest = REPLACE(v_rest, v_letter, SUBSTRING_INDEX(
                    SUBSTR(v_letters, LOCATE(v_letter, v_letters) + 1), ' ', 1
                ));
        END WHILE;
        -- the letters of a Korean syllable: 19 first ones, 21 vowels, 27 last ones or none
        WHILE v_rest RLIKE '[ᄀ-ᄒ][ᅡ-ᅵ]' DO
            SET v_letter = REGEXP_SUBSTR(v_rest, '[ᄀ-ᄒ][ᅡ-ᅵ][ᆨ-ᇂ]?'),
                v_syllable = 0xAC00
                    + ((ORD(CONVERT(SUBSTR(v_letter, 1, 1) USING ucs2)) - 0x1100) * 21
                       + ORD(CONVERT(SUBSTR(v_letter, 2, 1) USING ucs2)) - 0x1161) * 28
                    + IF(CHAR_LENGTH(v_letter) < 3, 0,
                         ORD(CONVERT(SUBSTR(v_letter, 3, 1) USING ucs2)) - 0x11A7),
                v_rest = REGEXP_REPLACE(
                    v_rest, CONCAT(v_letter, '(?![ᆨ-ᇂ])'), CONVERT(CHAR(v_syllable USING ucs2) USING utf8mb4)
                );
        END WHILE;
    END IF;
    REPEAT
        SET v_piece = LEFT(v_rest, 512);
        IF CHAR_LENGTH(v_piece) = 512 THEN
            SET v_length = 513 - REGEXP_INSTR(REVERSE(v_piece), '[^\\p{L}\\p{N}\\p{M}._%+@()\\/-]'),
                v_piece = LEFT(v_piece, v_length);
        END IF;
        SET v_rest = SUBSTR(v_rest, CHAR_LENGTH(v_piece) + 1);
        IF in_form IN ('mails', 'parts') THEN
            -- Text outside an address becomes an empty text, and is removed. A run of letters is taken as a
            -- whole (++), not tried from each of its letters again.
            SET v_words = CONCAT(v_words, REPLACE(
                REGEXP_REPLACE(
                    v_piece,
                    '([\\p{L}\\p{N}\\p{M}._%+-]*+)(@[\\p{L}\\p{N}\\p{M}.-]*+)'
                    '|[\\p{L}\\p{N}\\p{M}._%+-]++|[^\\p{L}\\p{N}\\p{M}._%+@-]++',
                    IF(in_form = 'mails', '"\\1\\2",', '"\\1\\2","\\2",')
                ), IF(in_form = 'mails', '"",', '"","",'), ''
            ));
        ELSE
            IF v_piece RLIKE '\\p{So}' THEN
                SET v_piece = REGEXP_REPLACE(v_piece, '(\\p{So})', ' \\1 ');
            END IF;
            SET v_typed = v_piece;
            IF in_form <> 'plain'
               AND v_piece RLIKE '[0-9][-./()]+[0-9]|(?<![\\p{L}\\p{N}])0+[1-9][0-9]{4}'
                                 '|\\p{L}[''’‘ʼʹ´`‐‑-]+\\p{L}' THEN
                SET v_typed = REGEXP_REPLACE(
                    REGEXP_REPLACE(
                        v_piece,
                        '(?<=[0-9])[-.\\/()]+(?=[0-9])|(?<=[\\p{L}\\p{M}])[''’‘ʼʹ´`‐‑-]+(?=\\p{L})',
                        ''
                    ), '(?<![\\p{L}\\p{N}])0+(?=[1-9][0-9]{4,}(?!\\p{L}))', ''
                );
            END IF;
            IF in_form = 'both' AND v_typed <> v_piece COLLATE utf8mb4_bin THEN
                SET v_typed_words = CONCAT(
                    v_typed_words, '","', REGEXP_REPLACE(v_typed, '[^\\p{L}\\p{N}\\p{M}\\p{So}]+', '","')
                );
                SET v_typed = v_piece;
            END IF;
            SET v_words = CONCAT(v_words, REGEXP_REPLACE(v_typed, '[^\\p{L}\\p{N}\\p{M}\\p{So}]+', '","'));
        END IF;
    UNTIL CHAR_LENGTH(v_rest) = 0 END REPEAT;

    IF in_form IN ('mails', 'parts') THEN
        RETURN CONCAT('[', LEFT(v_words, CHAR_LENGTH(v_words) - 1), ']');
    END IF;
    RETURN CONCAT('["', v_words, v_typed_words, '"]');
END$$
DELIMITER ;
