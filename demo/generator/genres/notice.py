"""A notice to the residents: what will be done, when, what is asked of them."""

from ..choosing import noun_named
from ..phrase import NounPhrase
from ..stage import Stage

_WORKS = {
    "הפסקת מים": "להחליף {count 2 9 צינור} <ישנים|סדוקים> ב{where.def}",
    "שיפוץ": "לצבוע את {np חדר_מדרגות def} ולתקן את {np fixture,furniture pl def} של {where.def}",
    "גיזום עצים": "לגזום {count 4 30 עץ} <גבוהים|חולים> ליד {where.def}",
    "סגירת רחוב": "לסלול מחדש {n 80 700} מטרים של הכביש ליד {where.def}",
    "הדברה": "לרסס את {np חדר_מדרגות,חצר,מסדרון,גינה,מחסן def} נגד {np bug pl}",
    "ניקיון כללי": "לנקות את {np חדר_מדרגות,חצר,מסדרון,גינה,מחסן def} ולפנות {np furniture pl adj:ישן} מן {where.def}",
}


def cast(stage: Stage) -> None:
    """Names the work, the street, the chair of the tenants and the contractor."""
    scope = stage.scope
    work = stage.chance.pick(list(_WORKS))
    scope["work"] = work
    scope["goal"] = _WORKS[work]
    scope["street"] = stage.make("pick street")
    scope["town"] = stage.town()
    scope["where"] = stage.make("np בניין,בית,מגדל")
    scope["chair"] = stage.person('יו"ר', complement=NounPhrase(noun_named("ועד"), marked=True))
    scope["builder"] = stage.person(stage.one_of("קבלן טכנאי גנן"))
    scope["resident"] = stage.make("np דייר m")
    scope["day"] = stage.make("date")


PLAN = [
    ["<הודעה לדיירי רחוב {street} {n 2 90}|לכל דיירי {where.the} ברחוב {street}>: {work} ב-{day}"],
    [
        "<דיירים יקרים|שכנים יקרים|לכל הדיירות והדיירים>, ב{pick weekday}, {day}, בין השעות {clock 7 9} ל-{clock 13 17}, <יגיעו|יעבדו כאן> {count 2 6 פועל m} כדי {say goal}.",
        "<ועד הבית החליט על כך|ההחלטה התקבלה> {pick timepast}, אחרי ש{x=np דייר adj?} {past מצא x} {np תקלה,בעיה,נזילה adj} <ב{np room,fixture def adj?}|ליד {np stairwell,fixture def}>.",
        "את העבודות {fut ניהל builder} {builder}, ש{past עבד builder} אצלנו גם ב-{year 2012 2023}, והן יימשכו {count 2 6 שעה}.",
        "המחיר, {price 900 9000}, ישולם מקופת הוועד, ולכן כל דירה תוסיף {price 20 180} <לחודש {pick month}|עד {date}>.",
    ],
    [
        "<אנו מבקשים|נודה לכם אם תוכלו> <לא להחנות {np מכונית,משאית,עגלה pl} ליד {np שער,גדר def adj?}|לפנות {np furniture,carry pl adj?} מ{np stairwell,חצר,גינה def}> <החל מ-{clock 5 7}|כבר בערב הקודם>.",
        (
            2,
            [
                "אם יש בבית {np child adj?} או {np pet adj}, <סגרו את החלונות|אל תפתחו את הדלת> ל{builder.role} לפני {clock 9 11}.",
                "מי ש{vp pres resident home} ביום הזה, מתבקש לסיים לפני {clock 6 8} ולדבר עם {builder.first}.",
                "<כדאי למלא מראש {count 2 6 בקבוק} במים|כדאי לחנות ברחוב {pick street}>, משום שייתכן עיכוב של {count 2 5 שעה}.",
                "<{np דייר m pl def adj}|{np דייר m pl def רוב}|{np דייר m pl def כל}> של קומה {n 2 9} יקבלו {np הודעה,טופס,רשימה adj} מ{chair.first} ב{pick weekday}.",
            ],
        ),
    ],
    (
        "{x=np דייר adj?} מקומה {n 2 12} {past שאל x} {pick timepast}: האם אפשר <לדחות את העבודות|לעבוד בשעה אחרת>? לצערנו {builder.first} {pres עבד builder} רק {pick daypart}, ו{x=np institution def adj?} לא {past אישר x} {np שינוי adj?}.",
        "{chair} {past בדק chair} {count 2 5 הצעה}, ו{past בחר chair} ב{builder.first} כי {הוא builder} {pres לקח builder} פחות מ{np קבלן,חשמלאי,גנן pl m def adj}.",
    ),
    [
        (
            2,
            [
                "לשאלות אפשר לפנות אל {chair} <בטלפון 05{year 0 8}-{year 100 999}-{year 1000 9999}|בדירה {n 2 30}, {pick daypart}>.",
                "<אנו מתנצלים|סליחה> מראש על {np trouble def}, ומודים ל{np תושב m pl def adj} של {town} על הסבלנות.",
                "מי ש{past שכח resident} לשלם על {pick month} ({price 60 250}), {fut הגיע resident} בבקשה לדירה {n 2 30} עד {date}.",
                'בברכה, {chair.name}, יו"ר הוועד, רחוב {street} {n 2 90}, {town}.',
            ],
        ),
    ],
]
