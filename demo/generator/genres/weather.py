"""A weather report: today, what the forecaster says, and the end of the week."""

from ..entities import place
from ..lexicon import word_lists
from ..stage import Stage


def cast(stage: Stage) -> None:
    """Names two cities, the region and the forecaster."""
    scope = stage.scope
    cities = stage.chance.sample(word_lists()["city"], 2)
    scope["north"], scope["south"] = (place(city) for city in cities)
    scope["region"] = stage.make("pick region")
    scope["month"] = stage.make("pick month")
    scope["forecaster"] = stage.person("חזאי")
    scope["wind"] = stage.make("np רוח pl")


PLAN = [
    [
        "<תחזית מזג האוויר ל{pick weekday}, {n 1 28} ב{month}|מזג האוויר ב{pick weekday}, {n 1 28} ב{month}: <קריר|חם> מהרגיל ב{region}|<גשם|חום|רוחות> ב{region}: התחזית ל-{n 1 28} ב{month}>"
    ],
    [
        "<היום|מחר|ב{pick weekday}> יהיה <מעונן חלקית עד בהיר|נאה ונוח|הביל|קריר מהרגיל לעונה|גשום לפרקים>, ו<תחול עלייה קלה|תחול ירידה ניכרת|לא יחול שינוי של ממש> בטמפרטורות<, בעיקר ב{region}| לעומת {pick weekday} שעבר>.",
        "ב{north} צפויות {n 10 20} מעלות <בבוקר|בלילה> ו-{n 21 33} <בצהריים|אחר הצהריים>, ואילו ב{south} יהיה <חם יותר|קר יותר|יבש יותר>: <בין {n 9 18} ל-{n 19 34} מעלות|עד {count 21 36 מעלה} בצל>.",
        (
            2,
            [
                "בשעות <הבוקר|הלילה> ייתכן ערפל <סמיך|מקומי> ב{region}, ולכן נהגים מתבקשים לנסוע <לאט|בזהירות> ולהגיע ל{south} רק אחרי השעה {clock 7 9}.",
                '{pick daypart} {fut נשב wind} {wind} <מזרחיות|מערביות|צפוניות> חזקות במהירות של עד {n 30 80} קמ"ש<, והים יהיה גלי|, ובגלל הסכנה ייסגרו {n 3 30} פארקים>.',
                "הלחות תגיע ל-{pct 55 90}<, ולכן יורגש עומס חום ב{region}| לאורך הדרך מ{north} אל {south}>.",
                "מתחילת העונה ירדו ב{south} <{n 40 180} מילימטרים של גשם, פחות מן הממוצע ({n 190 480} מילימטרים)|{n 320 580} מילימטרים של גשם, יותר מן הממוצע ({n 150 310} מילימטרים)>.",
            ],
        ),
    ],
    [
        "{forecaster} {past אמר forecaster} <הבוקר|אתמול|אתמול בערב|אמש> כי <{month} כזה לא נראה כאן מאז {year 1985 2018}|זהו {month} <הגשום|החם|היבש> ביותר מזה {count 4 30 שנה}|{הוא forecaster} לא {pres זכר forecaster} {month} <כל כך קר|כל כך חם> ב{region}>.",
        (
            2,
            [
                '"<מי שיוצא לטייל|מי שמתכנן {np טיול adj?}> ב{region}, שייקח איתו {np carry,clothing adj?} ו{count 2 6 ליטר} מים", {past המליץ forecaster} {forecaster.family}.',
                '"אם הרוח תתחזק, יירדו גשמים גם ב{south}", {past הסביר forecaster} {forecaster.role}, "<אבל הסיכוי לכך קטן מ-{n 10 40} אחוזים|ואז ייתכנו שיטפונות ב{np nature_low pl def}>".',
                '{past שאל forecaster} {forecaster.first} בחיוך: "למי יש {x=np clothing adj} בארון? מחר <אחר הצהריים|בבוקר|בערב> יהיה {ב x} צורך ב{north}".',
                "לפי {דברים forecaster}, המודלים <אינם מסכימים|חלוקים>: אחד מנבא {n 5 20} מילימטרים של גשם ב{region}, והאחר {n 25 60}.",
            ],
        ),
    ],
    (
        "<בסוף השבוע|בתחילת השבוע הבא|בעוד {count 2 5 יום}> צפוי <שינוי|מפנה>: <ענני גשם|{np ענן pl adj}> <יגיעו מכיוון הים|יכסו את שמי {region}>, ו<ייתכן גשם מקומי ב{south}|הטמפרטורות יירדו ב{count 2 7 מעלה}>.",
        "ב{pick weekday} <ייתכן|צפוי> <שלג קל|ברד> ב{region}, בגובה של יותר מ-{n 800 1500} מטרים<, לראשונה זה {count 2 6 שנה}|>, ומפלס הכינרת עשוי לעלות ב-{n 2 9} סנטימטרים.",
    ),
    [
        (
            2,
            [
                "<סוף השבוע יהיה|השבת תהיה> נאה: עד {n 20 31} מעלות ב{north} ו-{n 20 33} ב{south}.",
                "עיריית {north} <ניקתה את התעלות|פתחה מוקד חירום בטלפון 1{n 11 99}>, אחרי ש{np סופה def adj:חזק} של {date} <גרמה נזק ל|פגעה ב>{count 3 40 בית}.",
                "השמש תזרח ב-{clock 5 6} ותשקע ב-{clock 17 19}, ואורך היום יהיה <קצר|ארוך> ב{count 2 6 דקה} מאורכו של היום הקודם.",
                "אין צורך ב{np clothing adj?} <בצהריים|בשעות היום>, אבל <בערב|לפנות בוקר> כדאי ללבוש {np clothing_body adj?}, בעיקר ב{region}.",
            ],
        ),
    ],
]
