"""A local news item: a town's plan, its mayor, an engineer and a resident."""

from ..choosing import noun_named
from ..phrase import NounPhrase
from ..stage import Stage

_PROJECTS = "גשר ספרייה בריכה גן_שעשועים מרפאה אצטדיון תחנת_רכבת בית_ספר פארק מוזיאון גן_ילדים שוק"


def cast(stage: Stage) -> None:
    """Names the town, the project and the four who speak."""
    scope = stage.scope
    hall = NounPhrase(noun_named("עירייה"), marked=True)
    scope["hall"] = hall
    scope["town"] = stage.town()
    scope["project"] = stage.make(f"np {stage.chance.pick(_PROJECTS.split())} adj:חדש")
    scope["street"] = stage.make("pick street")
    scope["mayor"] = stage.person("ראש", complement=hall)
    scope["engineer"] = stage.person("מהנדס", complement=hall)
    scope["resident"] = stage.person("תושב")
    scope["other"] = stage.person()


PLAN = [
    [
        "<{project} {fut קם project} ב{town} עד {year 2025 2031}|{town}: העירייה <אישרה|הציגה|מקדמת> תוכנית ל{project} ברחוב {street}|{mayor.role} {mayor.name}: {project} {fut קם project} ב{year 2025 2031}|מחלוקת ב{town} סביב {project.def} ברחוב {street}>"
    ],
    [
        "<מועצת העיר|ועדת התכנון|הנהלת העירייה> של {town} אישרה {pick timepast} <את התוכנית|הצעה מפורטת> <להקים|לבנות> {project} ברחוב {street}<, בהשקעה של כ-{n 2 60} מיליון שקלים|, לאחר דיון של {count 2 6 שעה}|, ברוב של {n 8 15} קולות נגד {n 2 7}>.",
        "<לפי התוכנית|על פי ההחלטה>, {project.the} {fut קם project} על שטח של {count 3 40 דונם}<, ליד {np building,shop def adj}|, לא רחוק מ{np shop,playground def adj?}>, <והעבודות יימשכו {count 8 30 חודש}|והעבודות יתחילו ב{pick month} {year 2025 2028}>.",
        (
            1,
            [
                "{project.the} {fut שירת project} <כ-{n 3 40} אלף תושבים|את תושבי {town} ואת הכפרים הסמוכים|בעיקר את {np neighbour m pl def} של {np שכונה pl def adj}>, כך נמסר מדוברות העירייה ב-{date}.",
                "זהו {ord 2 6 פרויקט} שהעירייה יוזמת <בתוך {count 2 5 שנה}|מאז שנת {year 2012 2021}>, והיקר שבהם.",
            ],
        ),
    ],
    [
        '{mayor}, ש{pres עמד mayor} בראש העיר <מזה {count 3 15 שנה}|מאז {year 2009 2022}>, {past אמר mayor} <בישיבה|לעיתונאים|בריאיון ל"קול {town}"> כי <"זה יום <חשוב|מרגש|גדול> ל{town}"|{project.a} {כזה project} {past היה project} חלום של {count 2 4 דור}|אין טעם לבזבז עוד {count 2 9 שנה} על ויכוחים>.',
        "<לדברי|להערכת> {engineer}, {project.the} {fut היה project} <{adj יעיל project}|{adj מודרני project}|{adj גדול project}> יותר מ<כל {np building} אחר באזור|מה שתוכנן לפני {count 4 12 שנה}>, <אבל|ועם זאת> <המחיר יעלה|העלות תגדל> ב-{pct 4 20}.",
        (
            1,
            [
                '"אם <הגשם יקדים|החורף יתחיל> כבר ב<ספטמבר|אוקטובר|נובמבר>, נצטרך לדחות את העבודות ברחוב {street} ב{count 2 7 שבוע}", {past הזהיר engineer} {engineer.role}.',
                "{past הסביר engineer} {engineer.family} כי <הקרקע ברחוב {street} יציבה|יש צורך בעוד {count 2 9 בדיקה}|אין עדיין אישור סופי>, ולכן <לוח הזמנים עשוי להשתנות|העבודות יבוצעו ב{count 2 5 שלב}>.",
            ],
        ),
    ],
    (
        "לא כל תושבי {town} <מרוצים|מסכימים|תומכים במהלך>.",
        '{resident}, ש{pres גר resident} ברחוב {street} כבר {count 5 40 שנה}, {past אמר resident} ש"<איש לא שאל אותנו|לא ברור היכן יחנו {np guest m pl def}>"<, ו{past הוסיף resident} כי {past שלח resident} {count 2 8 מכתב} לעירייה| ו{past ביקש resident} לראות את <הדו"ח המלא|תוצאות הסקר מ-{date}>>.',
        'לעומת {resident.family}, {other.name} {pres תמך other} בתוכנית: <"יש לי {count 2 4 ילד m}, ואין להם לאן ללכת {pick daypart}"|"עברתי לכאן לפני {count 2 9 שנה}, ומאז אני רק {pres חיכה other} לזה">, {past אמר other} {other.first} {pick timepast}.',
    ),
    [
        (
            2,
            [
                "העבודות צפויות להתחיל {pick timefuture}<, ובמהלכן ייסגר רחוב {street} לתנועה|, ותושבי {town} יוכלו להגיש התנגדויות עד {date}>.",
                '<התקציב המלא|מימון הפרויקט> <יובא לאישור|יידון> ב<מליאת המועצה|וועדת הכספים> ב-{date}, <כך לפי דו"ח|כפי שנכתב במסמך> שפורסם {pick timepast}.',
                "{pick connective}, מתנגדי התוכנית הודיעו שיפנו לבית המשפט אם {mayor.family} לא {fut ענה mayor} על {count 3 9 שאלה} ש{past קיבל mayor} {pick timepast}.",
                'כש{mayor.family} {past נשאל mayor} מה יקרה אם המחיר יעלה ב-{pct 10 40}, {past ענה mayor}: "<נמצא פתרון|נקים קרן|נפנה לממשלה>, כמו שעשינו ב-{year 2014 2022}".',
                'מי ישלם על {project.def}? לפי {np report def adj?}, <הממשלה תממן {pct 30 60} מן העלות|רוב הכסף, כ-{n 2 40} מיליון ש"ח, יבוא מקרן פרטית>.',
            ],
        ),
    ],
]
