"""Decide how files are encoded. All people are invented."""

from __future__ import annotations

import io

import pytest

from service.contacts.encodings import Decoder, codec_of, lines_of
from service.contacts.reader import decoder_of, read

PEOPLE = {
    "cp1252 iso-8859-1 iso-8859-15": (
        "José Núñez;João Conceição;Françoise Lefèvre;Bjørn Sørensen;Åse Ødegård;"
        "Jörg Müller;Björn Åkesson;Zoë Grünewald;Hélène Brûlé;Anaïs Béranger;"
        "Señora Peña;Andrés Muñoz;Íñigo Ibáñez;Gonçalo Magalhães;António Simões;"
        "Élodie Hébert;Käthe Weiß;Günther Schäfer;Søren Kjær;Ragnhild Bjørnstad;"
        "Jürgen Groß;Marie-Thérèse Côté;Inês Araújo;Óscar Fernández;Málaga López;"
        "Benoît Lemaître;Cæcilie Nørgaard;Mårten Öberg;Þóra Guðmundsdóttir;Renée Lévêque"
    ),
    "cp1250 iso-8859-2": (
        "Petr Šilhavý;Jiří Dvořák;Kateřina Novotná;Tomáš Žižka;Łukasz Wiśniewski;"
        "Małgorzata Kowalczyk;Grzegorz Brzęczyszczykiewicz;Zoltán Kovács;Erzsébet Szűcs;György Nagy;"
        "Božena Němcová;Ľubomír Štúr;Šárka Černá;Václav Říha;Agnieszka Wójcik;"
        "Paweł Dąbrowski;Katarzyna Zielińska;Ágnes Tóth;Gábor Kőszegi;Željko Đurić;"
        "Ivana Jurčić;Matúš Žiak;Jarosław Gołąb;Michał Żak;Stanisław Łęcki;"
        "Lenka Hájková;Ondřej Kučera;Zdeněk Pospíšil;Krzysztof Jabłoński;Dušan Petrović"
    ),
    "cp1251 koi8-r iso-8859-5": (
        "Иван Петров;Мария Иванова;Сергей Смирнов;Ольга Кузнецова;Дмитрий Попов;"
        "Елена Васильева;Алексей Соколов;Наталья Михайлова;Андрей Новиков;Татьяна Фёдорова;"
        "Михаил Морозов;Анна Волкова;Николай Алексеев;Екатерина Лебедева;Владимир Семёнов;"
        "Светлана Егорова;Павел Павлов;Ирина Козлова;Юрий Степанов;Людмила Николаева;"
        "Артём Орлов;Юлия Андреева;Константин Макаров;Вера Никитина;Игорь Захаров;"
        "Галина Зайцева;Роман Соловьёв;Надежда Борисова;Виктор Яковлев;Ксения Григорьева"
    ),
    "cp1253 iso-8859-7": (
        "Γιώργος Παπαδόπουλος;Μαρία Παπαδοπούλου;Δημήτρης Γεωργίου;Ελένη Νικολάου;Κώστας Δημητρίου;"
        "Κατερίνα Ιωάννου;Νίκος Κωνσταντίνου;Βασιλική Αντωνίου;Γιάννης Βασιλείου;Σοφία Οικονόμου;"
        "Παναγιώτης Αλεξίου;Αναστασία Χριστοδούλου;Χρήστος Μακρής;Ιωάννα Καραγιάννη;Αντώνης Παππάς;"
        "Δέσποινα Αγγελοπούλου;Σταύρος Μιχαηλίδης;Ευαγγελία Θεοδώρου;Θανάσης Σπυρόπουλος;Αγγελική Ζαχαρίου;"
        "Μιχάλης Λάμπρου;Φωτεινή Κωστοπούλου;Σπύρος Ρήγας;Χριστίνα Βλάχου;Ηλίας Τριανταφύλλου;"
        "Όλγα Σωτηρίου;Πέτρος Στεφανίδης;Ειρήνη Κυριακίδη;Άγγελος Ξένος;Ζωή Φωτίου"
    ),
    "cp1254 iso-8859-9": (
        "Ayşe Yılmaz;Mehmet Öztürk;Fatma Şahin;Mustafa Çelik;Emine Yıldız;"
        "Ahmet Güneş;Hatice Doğan;Işık Kılıç;Süleyman Aydın;Zeynep Çetin;"
        "Hüseyin Koç;Gülşen Özdemir;İbrahim Arslan;Özlem Şimşek;Ömer Bulut;"
        "Çiğdem Aktaş;Uğur Karadağ;Şule Ünal;Tuğba Erdoğan;Yiğit Güçlü;"
        "Nurgül Tekin;Barış Özkan;Ümit Çakır;Gökhan Işık;Sıla Akın;"
        "Oğuz Taş;Pınar Coşkun;Kadir Bayır;Ebru Sönmez;İsmail Yalçın"
    ),
    "cp1255": (
        "דוד כהן;משה לוי;שרה מזרחי;רחל פרץ;יוסף ביטון;"
        "מרים דהן;אברהם אברהם;יעקב פרידמן;רבקה מלכה;חנה אזולאי;"
        "יצחק כץ;שמואל יוסף;אסתר דוד;לאה עמר;בנימין אוחיון;"
        "דניאל חדד;נועה גבאי;תמר בן דוד;איתן אדרי;יונתן לוין;"
        "מיכל טל;גיא קליין;עידו חן;שירה שפירא;אורי חזן;"
        "הילה משה;אלון אשכנזי;רונית אוחנה;גלית סגל;עמית גולן"
    ),
    "cp1256": (
        "محمد أحمد;فاطمة علي;أحمد حسن;عائشة محمود;علي إبراهيم;"
        "خديجة يوسف;عمر خالد;مريم عبد الله;يوسف سعيد;زينب حسين;"
        "إبراهيم مصطفى;نور الدين;خالد منصور;سارة عثمان;حسن صالح;"
        "ليلى سليمان;عبد الرحمن ناصر;هدى فؤاد;سعيد كامل;رنا شريف;"
        "مصطفى جمال;دينا طارق;طارق زكي;سلمى رشيد;كريم عادل;"
        "هالة رمضان;ياسر فاروق;منى حمدي;وليد غانم;ريم شوقي"
    ),
    "shift_jis euc-jp": (
        "山田太郎;佐藤花子;鈴木一郎;高橋美咲;田中健太;"
        "伊藤さくら;渡辺翔太;中村陽子;小林直樹;加藤恵子;"
        "吉田誠;山本由美子;佐々木大輔;山口真由美;松本浩;"
        "井上愛;木村拓也;林智子;斎藤隆;清水裕子;"
        "山崎健一;森千尋;池田修;橋本めぐみ;阿部寛;"
        "石川梨花;前田敦;藤田直子;小川哲也;岡田久美子"
    ),
    "euc-kr cp949": (
        "김철수;이영희;박민수;최지은;정현우;"
        "강수진;조성민;윤미경;장동건;임수정;"
        "한지민;오세훈;서영준;신혜진;권상우;"
        "황정민;안재욱;송혜교;류승범;홍길동;"
        "전지현;고현정;문근영;양세형;손예진;"
        "배용준;백종원;허준호;유재석;남궁민"
    ),
    "gb18030 gbk": (
        "王小明;李丽;张伟;刘洋;陈静;"
        "杨帆;赵磊;黄敏;周杰;吴芳;"
        "徐强;孙娜;胡军;朱红;高峰;"
        "林涛;何平;郭艳;马超;罗兰;"
        "梁朝伟;宋佳;郑爽;谢霆锋;韩梅梅;"
        "唐嫣;冯小刚;于谦;董洁;萧红"
    ),
    "big5": (
        "陳志明;林美惠;黃建國;張淑芬;李俊傑;"
        "王雅婷;吳宗憲;劉德華;蔡依林;楊麗花;"
        "許文龍;鄭成功;謝金燕;郭台銘;洪秀柱;"
        "曾國城;邱淑貞;廖學廣;賴清德;徐若瑄;"
        "周杰倫;葉問;蘇貞昌;莊智淵;呂秀蓮;"
        "江蕙;何潤東;蕭敬騰;羅大佑;高凌風"
    ),
}
ENCODINGS = [(encoding, names) for encodings, names in PEOPLE.items() for encoding in encodings.split()]


def card(first: str, last: str, number: int) -> str:
    return (
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nN:{last};{first};;;\r\nFN:{first} {last}\r\n"
        f"EMAIL:p{number}@x.example\r\nEND:VCARD\r\n"
    )


def people_in(names: str, encoding: str) -> list[tuple[str, str]]:
    """Return first and last names that an encoding has letters for."""
    return [
        (first, last)
        for first, _, last in (name.partition(" ") for name in names.split(";"))
        if first.encode(encoding, "ignore").decode(encoding) == first
        and last.encode(encoding, "ignore").decode(encoding) == last
    ]


@pytest.mark.parametrize(("encoding", "names"), ENCODINGS)
@pytest.mark.parametrize("kind", ["vcf", "csv"])
def test_every_name_of_a_file_in_a_legacy_encoding_is_right(encoding: str, names: str, kind: str) -> None:
    people = people_in(names, encoding)
    assert len(people) > 25
    if kind == "vcf":
        text = "".join(card(first, last, n) for n, (first, last) in enumerate(people))
    else:
        rows = (f"{first},{last},p{n}@x.example\n" for n, (first, last) in enumerate(people))
        text = "First Name,Last Name,Email\n" + "".join(rows)
    contacts = [e["contact"] for e in read(io.BytesIO(text.encode(encoding)), kind) if "columns" not in e]
    assert [(c["firstname"], c["lastname"]) for c in contacts] == people


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_a_file_in_unicode_is_read(encoding: str) -> None:
    data = (card("Zoë", "Grün", 1) + "\ufeff" + card("小明", "王", 2)).encode(encoding)
    assert [e["contact"]["firstname"] for e in read(io.BytesIO(data), "vcf")] == ["Zoë", "小明"]


def test_the_decision_is_made_over_the_whole_file() -> None:
    ascii_cards = "".join(card("Ann", f"L{n}", n) for n in range(4000))
    data = (ascii_cards + card("Иван", "Петров", 1) + card("Ольга", "Кузнецова", 2)).encode("koi8-r")
    contacts = [e["contact"] for e in read(io.BytesIO(data), "vcf")]
    assert [(c["firstname"], c["lastname"]) for c in contacts[-2:]] == [
        ("Иван", "Петров"),
        ("Ольга", "Кузнецова"),
    ]


def test_one_foreign_card_harms_no_other() -> None:
    data = b"".join(card("Zoé", f"N{n}", n).encode() for n in range(50)) + card("René", "L", 99).encode(
        "cp1252"
    )
    names = [e["contact"]["firstname"] for e in read(io.BytesIO(data), "vcf")]
    assert names == ["Zoé"] * 50 + ["René"]


def test_one_odd_byte_harms_no_other_row() -> None:
    data = "First Name,Email\nZoé,z@x.example\n".encode() + "René,r@x.example\n".encode("cp1252")
    assert [e["contact"]["firstname"] for e in list(read(io.BytesIO(data), "csv"))[1:]] == ["Zoé", "René"]


def test_a_charset_that_the_person_gives_wins() -> None:
    data = card("Иван", "Петров", 1).encode("koi8-r")
    source = io.BytesIO(data)
    (entry,) = read(source, "vcf", decoder_of(source, "vcf", "cp1251"))
    assert entry["contact"]["firstname"] == "Иван".encode("koi8-r").decode("cp1251")
    source = io.BytesIO(card("Zoë", "G", 1).encode("utf-16"))
    decoder = decoder_of(source, "vcf", "utf-16")
    (entry,) = read(source, "vcf", decoder)
    assert (entry["contact"]["firstname"], decoder.name) == ("Zoë", "utf-16-le")


def test_lines_are_whole_wherever_the_pieces_of_a_file_end() -> None:
    for size in range(65_530, 65_540):
        data = b"x" * size + b"\r\n" + b"y\rz\n"
        assert list(lines_of(io.BytesIO(data))) == [b"x" * size + b"\r\n", b"y\r", b"z\n"]


def test_a_value_that_no_encoding_explains_is_still_a_text() -> None:
    decoder = Decoder("cp932")
    assert decoder.decode(b"\x81\xff\x81").endswith("\ufffd")
    assert decoder.decode("é".encode("latin-1"), "no such charset").startswith(("\ufffd", "é"))


@pytest.mark.parametrize(
    "charset", ["undefined", "idna", "punycode", "unicode_escape", "hex", "x\0y", "é", "none"]
)
def test_a_codec_that_is_no_encoding_is_not_used(charset: str) -> None:
    assert codec_of(charset) is None
    assert Decoder("cp1252").decode(b"xn--a\xe9", charset) == "xn--aé"
