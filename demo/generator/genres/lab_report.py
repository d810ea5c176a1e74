"""A lab report: the question, the samples, the measurements and the conclusion."""

from ..choosing import noun_named
from ..phrase import Name, NounPhrase
from ..stage import Stage

# The factor's gender, and what a group may be given.
_FACTORS = {
    "כמות האור": ("f", "אור חזק|אור חלש|חושך"),
    "ריכוז המלח": ("m", "תמיסת מלח חזקה|תמיסת מלח חלשה|מים נקיים"),
    "טמפרטורת המים": ("f", "מים חמים|מים קרים|מים פושרים"),
    "סוג הקרקע": ("m", "קרקע חולית|קרקע כבדה|תערובת של שתי קרקעות"),
    "כמות הדשן": ("f", "הרבה דשן|מעט דשן|קרקע בלי דשן"),
}


def cast(stage: Stage) -> None:
    """Names the factor tested, the thing measured and the two researchers."""
    scope = stage.scope
    factor = stage.chance.pick(list(_FACTORS))
    scope["factor"] = Name(factor, _FACTORS[factor][0])
    levels = stage.chance.sample(_FACTORS[factor][1].split("|"), 2)
    scope["level1"], scope["level2"] = levels
    scope["plant"] = stage.make("np vegetable pl")
    scope["seeds"] = NounPhrase(noun_named("זרע"), "pl", complement=scope["plant"])
    scope["lead"] = stage.person("חוקר")
    scope["student"] = stage.person("סטודנט")
    scope["measure"] = stage.one_of("גובה_הנבט משקל_הנבט אורך_השורש מספר_העלים")
    scope["place"] = stage.make("np אוניברסיטה,מכון,מכללה adj?")
    scope["town"] = stage.town()
    scope["seeds2"] = stage.make("np זרע pl of:vegetable")


PLAN = [
    ["דו\"ח <מעבדה|ניסוי> מס' {n 3 99}: השפעת {factor} על {seeds.def} ({date 2016 2024})"],
    [
        "מטרת הניסוי <הייתה לבדוק|היא לבחון> אם {factor} {pres השפיע factor} על הנביטה של {seeds.def}, <כפי שטען מחקר מ-{year 1994 2014}|בעקבות {np ניסוי adj} מ-{date}>.",
        "{lead} ו{student} ערכו את הניסוי ב{place.the} <ב{town}|ליד {town}>, במשך {count 10 40 יום}.",
        "<ההשערה|השערת המחקר> הייתה שבקבוצה שתקבל {level1} {measure} יהיה <גדול|קטן> ב-{pct 10 60} לפחות.",
    ],
    [
        "<שיטה|מהלך הניסוי>: {count 40 240 זרע} חולקו ל-{n 3 6} קבוצות שוות, וכל קבוצה <גודלה ב|נשמרה ב>{count 3 9 מבחנה} בטמפרטורה של {count 18 28 מעלה}.",
        "קבוצה א' קיבלה {level1}, קבוצה ב' קיבלה {level2}, וקבוצת הביקורת <הושקתה ב-{n 20 90} מ\"ל מים ליום|לא טופלה, חוץ מ-{n 20 90} מ\"ל מים ליום>.",
        (
            1,
            [
                "{student.first} {past מדד student} את {measure} <כל {count 2 5 יום}|ב-{clock 8 10}> ו{past רשם student} את התוצאות ב<{np מחברת adj?}|{np מסמך adj?}>.",
                "כל מדידה נעשתה {count 2 5 פעם}, ב<סרגל מדויק|מאזניים מדויקים|מכשיר חדש>, כדי להקטין את הטעות ל-{decimal 0 2}%.",
            ],
        ),
    ],
    [
        "תוצאות: בקבוצה א' היה {measure} הממוצע {decimal 2 9}, בקבוצה ב' {decimal 10 19}, ובקבוצת הביקורת {decimal 2 14} <(סטיית תקן {decimal 0 1})|>.",
        (
            2,
            [
                "נבטו {pct 35 60} מן הזרעים בקבוצה א', לעומת {pct 61 98} בקבוצה ב'.",
                "<אחרי|כעבור> {count 3 9 יום} {past ראה student} {student.first} כי {count 3 12 זרע} <לא נבטו כלל|נבטו מוקדם מן הצפוי>, בניגוד להשערה.",
                "ההבדל בין הקבוצות היה מובהק (p=0.0{n 2 9}), <גדול|קטן> יותר מההבדל שנמצא ב-{year 1996 2015}.",
                "ב{pick weekday} עלתה הטמפרטורה ל-{count 29 36 מעלה} בגלל {np תקלה adj?} ב{np מאוורר,מחשב,תנור def}, ולכן {past סילק lead} {lead.first} {count 2 8 דגימה}.",
            ],
        ),
    ],
    (
        "דיון: {lead.family} {past הסביר lead} את {np תוצאה pl def adj} בכך ש{factor} {pres קבע factor} את קצב הגדילה, אבל {student.first} {past שאל student} אם אין סיבה אחרת.",
        "גם אם {x=np ניסוי adj:נוסף} {fut הראה x} אותה תוצאה, יש צורך ב{count 2 6 שיטה} אחרות, {past ענה lead} {lead.first}, ואין ב{place.the} די {np מבחנה pl}.",
    ),
    [
        "<מסקנה|לסיכום>: {factor} {past השפיע factor} על {measure} של {seeds.def} <בתנאים שנבדקו|בטווח שבין {n 2 9} ל-{n 10 30} ימים>.",
        (
            1,
            [
                "{past המליץ lead} {lead.family} לחזור על הניסוי עם {count 50 400 זרע} ועם {seeds2}, לפני {date}.",
                'הדו"ח הוגש ל{np institution,board def adj} ב-{date}, ו{np מסקנה pl def} יוצגו בכנס <ב{town}|של {np מדען m pl}>.',
            ],
        ),
    ],
]
