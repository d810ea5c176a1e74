"""A visit to a place, told by one of the party: the way, the guide, the sights."""

from ..stage import Stage

_SITES = "מוזיאון מגדל מפעל מאפייה שוק ספרייה נמל תיאטרון מחסן"


def cast(stage: Stage) -> None:
    """Names the site, the guide and the two companions."""
    scope = stage.scope
    scope["town"] = stage.town()
    scope["city"] = stage.town("city")
    scope["site"] = stage.make(f"np {stage.one_of(_SITES)} adj")
    scope["guide"] = stage.person("מדריך")
    scope["friend"] = stage.person()
    scope["child"] = stage.person()
    scope["worker"] = stage.make("np profession def adj?")


PLAN = [
    ["<ביקור ב{site.the} של {town}|יום ב{site.the}: רשמים מ{town}|{count 3 8 שעה} ב{site} ב{town}>"],
    [
        "{pick timepast} נסענו, {friend.name}, {child.first} ואני, <לבקר ב{site} ב{town}|ל{town}, כדי לראות את {site.the}>.",
        "<הדרך ארכה|הנסיעה נמשכה> {count 2 4 שעה} ו{count 10 40 דקה}, <כי {v=np vehicle_public def} {past איחר v}|משום ש{np כביש def adj} היה סגור>, ו{friend.first} {vp past friend travel}.",
        (
            1,
            [
                "כשהגענו, {past חיכה guide} לנו {guide.role} <ליד {np fixture def adj}|ב{np fixture,street def adj}>, עם {np תיק,סל,מטרייה adj?} ביד.",
                "בכניסה <שילמנו {price 20 90} לאדם|קיבלנו {count 3 4 כרטיס_כניסה} תמורת {price 60 200}>, ו{child.first} {past נכנס child} <בשמחה|בשקט|במהירות|בהתרגשות>.",
            ],
        ),
    ],
    [
        "{guide} {past סיפר guide} ש{site.the} {past נבנה site} <לפני כ-{n 60 400} שנה|ב-{year 1880 1960}> <על ידי {count 6 30 מתנדב m}|בידי {np profession pl m adj}>, ו{past שוקם site} ב-{year 1985 2021}.",
        "לדברי {guide.first}, {!shop=np shop adj}{past היה shop} שם פעם {shop}, ו{np neighbour m pl def adj?} באו {pick daypart} לקנות {np baked,clothing,produce pl adj?}.",
        (
            2,
            [
                "<מה מיוחד|מה כל כך מיוחד> ב{site.this}? לפי {guide.first}, <אין עוד {site.a} {adj גדול site} כזה בכל {pick region}|{הוא site} {adj ישן site} יותר מכל {np building} ב{town}>.",
                "{past הראה guide} לנו {guide.first} {np art,instrument adj} מ-{year 1790 1930}, ש{x=np artist adj?} {past השאיר x} במתנה.",
                "{worker}, ש{pres עבד worker} במקום כבר {count 5 35 שנה}, {vp past worker talk} ו{vp past worker home}.",
                "ליד {np fixture,plant def adj} {past עצר guide} {guide.first} ו{past הסביר guide} {pick adverb} מדוע אסור לגעת ב{np art,object pl def adj?}.",
            ],
        ),
    ],
    [
        "{pick daypart} הלכנו אל {np nature,garden adj}, ושם {child.first} {vp past child travel}.",
        "{friend.first}, לעומת זאת, {vp past friend travel} ו{vp past friend leisure}.",
        (
            1,
            [
                "בזמן ש{child.first} {vp past child leisure}, {x=np guest def adj?} {past שאל x} את {guide.first} אם יש ב{town} {np shop adj?}.",
                "אכלנו {np dish,baked adj} ו{np produce} ב{np shop,garden adj}, ושמענו {np bird,song pl adj?}.",
                "לרגע {past נעלם child} {child.first}, אבל אחרי {count 3 15 דקה} מצאנו {את child} ב{np room adj}, ליד {np pet,bird adj}.",
            ],
        ),
    ],
    (
        "היו גם <חסרונות|רגעים פחות נעימים>: ב{np room,street def adj} לא {!x=np ספסל,כיסא,שולחן adj?}{past היה x} {x}, ו{np guest m pl def} עמדו בתור {count 10 50 דקה}.",
        "{friend.first} {past התלונן friend} על {np תקלה,עיכוב adj?}, אבל {guide.first} {past חייך guide} ו{past הבטיח guide} שעד {pick month} הכול יתוקן.",
    ),
    [
        (
            2,
            [
                "כשיצאנו, {past אמר child} {child.first} ש{site.the} {adj מעניין site} יותר מ{np show adj?}, וש{הוא child} {pres רצה child} לחזור {pick timefuture}.",
                "<שעות הפתיחה|הביקורים>: בימים א'-ה', {clock 8 9} עד {clock 16 18}; לקבוצות של יותר מ-{n 10 30} אנשים יש להתקשר ל{guide.first} מראש.",
                "בדרך חזרה {friend.first} {vp past friend tale}, ו{child.first} {past נרדם child} עוד לפני הצומת של {city}.",
                'האם כדאי לבקר ב{site.the}? {past ענה friend} {friend.first}: "<בהחלט|רק בחורף|כן, אבל בלי תינוקות>, ועדיף ב{pick weekday}".',
            ],
        ),
    ],
]
