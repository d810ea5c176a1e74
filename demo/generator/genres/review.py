"""A review of a bought product: why, how it works, what is wrong, whether to buy."""

from ..stage import Stage


def cast(stage: Stage) -> None:
    """Names the product, the shop, the writer and a relative of the writer's."""
    scope = stage.scope
    scope["item"] = stage.make("np device")
    scope["brand"] = stage.make("pick brand")
    scope["shop"] = stage.make("pick shopname")
    scope["me"] = stage.person()
    scope["seller"] = stage.person(stage.one_of("מוכר טכנאי נציג"))
    scope["other"] = stage.person(stage.one_of("שכן חבר דוד מורה"))
    scope["rep"] = stage.make("np נציג")
    scope["company"] = stage.make("np חברה")
    scope["people"] = stage.make("np לקוח m pl")
    scope["solo"] = stage.make("np לקוח m")


PLAN = [
    [
        "<{item} {brand}: ביקורת אחרי {count 2 11 חודש}|קניתי {item} {brand}, והנה מה שאני {pres חשב me}|{adj טוב item} או לא? {item} {brand} במבחן>"
    ],
    [
        'קניתי {item} מסוג {brand} ב"{shop}" {pick timepast}, ב-{price 120 2400}, <אחרי ש{item.the} ה{adj קודם item} {past התקלקל item} ו{other} {past המליץ other} על {brand}|כי {other} {past המליץ other} {על item}>.',
        "{seller}, <{adj אדיב seller} מאוד|{adj צעיר seller} ו{adj חרוץ seller}>, {past הסביר seller} לי במשך {count 5 40 דקה} <מה ההבדל בין {brand} ל-{pick brand}|איך מפעילים {את item}>, ו{past הבטיח seller} משלוח בתוך {count 2 6 יום}.",
        (
            1,
            [
                "בפועל המשלוח הגיע אחרי {count 7 20 יום}, <והקופסה הייתה פתוחה|ב-{clock 20 22}>, אבל {item.the} {past היה item} {adj שלם item}.",
                "המשלוח הגיע כבר ב{pick weekday}, ובקופסה היו גם {np תיק,קופסה adj} ו{count 2 4 כבל}.",
            ],
        ),
    ],
    [
        "<נתחיל בטוב|היתרונות>: {item.the} {adj אמין item} ו{adj נוח item} <לשימוש|להפעלה>, ו{adj קל item} ב-{n 100 900} גרם מ{item.the} ה{adj ישן item} שלי.",
        (
            2,
            [
                "אני {pres עבד me} {עם item} כל יום {count 2 7 שעה}, <בעיקר {pick daypart}|ב{np room def adj?}>, ועד היום לא הייתה {np תקלה adj?}.",
                "גם {other.role}, ש{vp pres other work}, {past בדק other} {את item} ו{past אמר other} ש{item.the} {adj איכותי item} יותר מכל {item.a} {adj אחר item} שהיה {ל other}.",
                "האחריות היא ל{count 13 36 חודש}, יותר ממה שהבטיחו לי בחנות.",
                "{item.the} {adj קטן item} יותר משחשבתי, ולכן יש {ל item} מקום ב{np room def adj?}, ליד {np furniture def adj}.",
            ],
        ),
    ],
    [
        'ועכשיו <החסרונות|לדברים הפחות טובים>: הכבל קצר (רק {n 60 140} ס"מ), ובספר ההוראות יש {count 3 12 עמוד} בלי מילה אחת בעברית.',
        (
            1,
            [
                'כשהתקשרתי לשירות, {past ענה rep} {rep} רק אחרי {count 12 55 דקה}, ו{past אמר rep} ש"<אין תקלה כזאת|צריך לחכות {count 2 6 שבוע}>".',
                "כשאני {vp pres me home} ליד {item.the}, <נשמע רעש|מופיעה הודעה בצבע אדום> כל {count 2 9 דקה}.",
                "הצבע ה<אדום|כחול|ירוק> של {item.the} דהה אחרי {count 3 9 שבוע}, ו{other.first} {past שאל other} אם {הוא item} מ-{year 1988 2005}.",
            ],
        ),
    ],
    (
        "השוויתי {את item} גם ל-{pick brand}, שמחירו גבוה ב-{pct 10 45}, <ולא מצאתי הבדל של ממש|וההבדל היחיד הוא בגודל>.",
        "{other.name} {past קנה other} {pick timepast} {item.a} של {pick brand} ו{past שילם other} {price 200 1900}, אבל {הוא other} {adj שמח other} פחות ממני.",
    ),
    [
        (
            2,
            [
                "לסיכום, הציון שלי הוא {n 5 10} מתוך 10, ו<הייתי קונה שוב|לא הייתי קונה שוב> {item} כזה ב-{price 100 1900}.",
                'למי {item.the} {pres התאים item}? ל{np סטודנט,מורה,מתכנת,סופר m pl adj?} ש{pres עבד people} {pick daypart} ב{np room def adj?}; מי ש{pres חיפש solo} משהו זול יותר, <ימצא|לא ימצא> {את item} ב"{pick shopname}".',
                '<אני לא {pres הצטער me}|אני {pres הצטער me} קצת>: בפעם הבאה אשאל את {other.first} לפני ש<אשלם|אחתום> ב"{shop}" שוב.',
                "עדכון מ-{date}: החברה {past החליף company} את {item.the} בתוך {count 3 12 יום}, ו{seller.first} {past התקשר seller} לשאול אם הכול בסדר.",
            ],
        ),
    ],
]
