"""A market report: the index, one company's results, an analyst, the outlook."""

from ..phrase import Name
from ..stage import Stage

_COMPANIES = (
    'אלומות גלי_צפון מגדלי_אור כרמים_טק נחלים שדות_ירוקים סלע_תקשורת יובל_מזון ארזים_נדל"ן גשרים קו_המים דרכי_ים'
)


def cast(stage: Stage) -> None:
    """Names the company, its head, the analyst and a rival company."""
    scope = stage.scope
    first, second = stage.chance.sample(_COMPANIES.split(), 2)
    for key, name in (("company", first), ("rival", second)):
        text = name.replace("_", " ")
        scope[key] = Name(f"חברת {text}", "f", "sg", frozenset(["institution"]))
        scope[f"{key}_name"] = text
    scope["boss"] = stage.person('מנכ"ל', complement=Name("החברה"))
    scope["analyst"] = stage.person("אנליסט")
    scope["product"] = stage.make("np device,clothing,baked,produce pl")
    scope["index"] = Name("המדד המרכזי", "m")
    scope["share"] = Name("מניית החברה", "f")
    scope["rate"] = Name("הדולר", "m")
    scope["town"] = stage.town()
    scope["city"] = stage.town("city")


PLAN = [
    [
        '<{company}: {np תוצאה pl adj} ב<רבעון השני|רבעון השלישי|סוף השנה>|המסחר ב{pick weekday}: {index} {past עלה index} ב-{decimal 0 3}%|{share} {past ירד share} ב-{decimal 1 9}% אחרי הדו"ח של {company_name}>'
    ],
    [
        '{index} <{past עלה index}|{past ירד index}> ב{pick weekday} ב-{decimal 0 3}% ונסגר ב-{n 1400 2300} נקודות, <במחזור מסחר של|ומחזור המסחר היה> {decimal 1 4} מיליארד ש"ח.',
        "{rate} {past נחלש rate} ב-{decimal 0 1}% ונסחר ב-3.{year 12 89} שקלים, ומחירי {product.the} בשוק הסיטונאי <עלו|ירדו> ב-{pct 2 18} לעומת {pick month}.",
        (
            1,
            [
                "ריבית בנק ישראל נותרה ברמה של {decimal 1 4}%, <אך|ועם זאת> {np בנק pl def adj:גדול} <העלו|הורידו> את מחיר ההלוואות {pick timepast}.",
                "<רוב המניות|{count 12 80 מניה}> נסחרו בעליות, אבל ב{city} {!x=np מכון,אוניברסיטה,מכללה adj}{past פרסם x} {x} {np מסמך,מאמר adj} על {np בעיה pl adj?} בענף.",
            ],
        ),
    ],
    [
        '{company} {past דיווח company} {pick timepast} על הכנסות של {n 120 960} מיליון ש"ח, {pct 3 30} <יותר|פחות> מאשר ב<תקופה המקבילה|רבעון הקודם>, ועל רווח של {n 8 90} מיליון.',
        '{boss} {past אמר boss} כי "<מכרנו|ייצאנו> יותר {product} מ<אשתקד|כל חברה אחרת באזור>, למרות {np תקלה,עיכוב,קושי pl adj?}"<, ו{past הוסיף boss} שב{pick month} ייפתחו {count 2 9 סניף}|>.',
        (
            1,
            [
                "לחברה יש {n 140 3900} עובדים ב{city} וב{town}, ואין לה <חובות|הלוואות> מעל {n 20 90} מיליון שקלים.",
                '{fut שילם company} {company} דיבידנד של {n 2 30} מיליון ש"ח ב-{date}, כלומר {n 10 95} אגורות למניה.',
            ],
        ),
    ],
    [
        '{analyst} מבית ההשקעות "{pick house}" {past כתב analyst} {pick timepast} ש{company} <{adj יציב company} יותר מ{rival_name}|לא {fut הצליח company} לצמוח בלי {np plan adj:חדש}>.',
        (
            2,
            [
                "אם {rate} {fut המשיך rate} לרדת, {past כתב analyst} {analyst.family}, ייצוא {product.the} ייפגע, והרווח יקטן ב-{pct 4 20}.",
                "{analyst.first} {pres השווה analyst} בין {company_name} ל{rival_name}: הראשונה קטנה יותר, אבל צומחת פי {n 2 4} מהר יותר מאז {year 2015 2022}.",
                "לפי {דברים analyst}, מחיר היעד ל{share} הוא {n 12 140} שקלים, גבוה ב-{pct 5 40} ממחיר הסגירה.",
                'מה יקרה {pick timefuture}? {analyst.role} {past סירב analyst} לנבא, אבל {past הזכיר analyst} ש{rival} כבר {past הפסיד rival} {n 3 40} מיליון ש"ח ב{pick month}.',
            ],
        ),
    ],
    (
        '{rival}, המתחרה הגדולה, {past החליט rival} לעומת זאת <לסגור {count 2 9 סניף}|לפטר {count 20 300 עובד m}|להשקיע {n 5 80} מיליון ש"ח ב{np workplace,shop adj}>.',
        "{np עובד m pl def adj} של {rival_name} הפגינו ליד {np building def adj} ב{city}, ו{x=np נציג} {past דרש x} לדחות את המהלך עד {date}.",
    ),
    [
        (
            2,
            [
                "ב{pick weekday} יתפרסם מדד המחירים לצרכן, שצפוי <לעלות|לרדת> ב-{decimal 0 1}%, ובשוק מחכים <בסבלנות|במתח|בסקרנות> להחלטת הבנק מ-{date}.",
                "{boss.family} {fut הציג boss} את {np תוכנית def adj:שנתי} בכנס ב{city} ב-{date}, <לפני {count 40 300 משקיע m}|לצד {rival_name}>.",
                'בעלי המניות יצביעו ב-{date}: {pres רצה boss} {boss.family} תקציב של {n 3 30} מיליון ש"ח ל{np workplace,culture adj:חדש}, והם אינם משוכנעים.',
                "אין באמור משום המלצה לקנות או למכור; הנתונים נכונים ל-{date} בשעה {clock 16 18}.",
            ],
        ),
    ],
]
