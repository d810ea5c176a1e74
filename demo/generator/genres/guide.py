"""A travel guide's page: the town, the way there, sights, food, lodging, advice."""

from ..stage import Stage


def cast(stage: Stage) -> None:
    """Names the town, its sights and the people a visitor may meet."""
    scope = stage.scope
    scope["town"] = stage.town()
    scope["city"] = stage.town("city")
    scope["region"] = stage.make("pick region")
    scope["sight"] = stage.make("np nature adj")
    scope["old"] = stage.make("np building,culture adj:עתיק")
    scope["host"] = stage.person(stage.one_of("טבח אופה חקלאי דייג"))
    trade, topic = stage.chance.pick([("צייר", "art"), ("נגר", "wood"), ("פסנתרן", "music")])
    scope["artist"] = stage.person(trade)
    scope["does"] = f"{{vp pres artist {topic}}}"
    # The masculine plural without a subject: how one does it.
    scope["how"] = f"{{vp pres visitors {topic}}}"
    scope["shop"] = stage.make("np מסעדה,בית_קפה,מאפייה adj")
    scope["walker"] = stage.make("np מטייל m")
    scope["wind"] = stage.make("np רוח")
    scope["visitors"] = stage.make("np מטייל m pl")


PLAN = [
    [
        "<{town}: {sight}, {old} והרבה שקט|מדריך ל{town}: {count 2 6 יום} ב{region}|{town} ב{pick season}: לאן ללכת ומה לאכול>"
    ],
    [
        "{town} היא <עיר קטנה|מושבה ותיקה|עיירה ציורית> ב{region}, <במרחק של {count 12 90 קילומטר} מ{city}|שנוסדה ב-{year 1870 1958} בידי {count 12 60 משפחה}>, ויש בה כ-{n 2 40} אלף תושבים.",
        "מי שמגיע לשם לראשונה מגלה <{np street adj} ו{np shop adj}|{count 3 12 סמטה adj} ו{np shop adj}>, ו{x=np neighbour adj} {pres חייך x} אליו מ{np חלון,מרפסת,חצר def}.",
        (
            1,
            [
                "אין ב{town} {np נמל,אצטדיון} או {np בריכה,תיאטרון adj?}, אבל יש בה {np culture adj}, {count 2 6 בית_קפה} ו{np garden,nature adj}.",
                "ב{pick season} {pres נשב wind} ב{town} {wind} {adj חזק wind}, ולכן {visitors} {adj מנוסה visitors} מביאים {np מעיל,סוודר,צעיף adj}.",
            ],
        ),
    ],
    [
        "איך מגיעים מ{city} ל{town}? מן התחנה המרכזית יוצא כל {count 20 90 דקה} קו {n 3 490}, והנסיעה נמשכת {count 30 90 דקה}.",
        "ברכב פרטי נוסעים בכביש {n 2 98} עד {np גשר,כיכר,תחנת_רכבת def adj?} ופונים <ימינה|שמאלה> ל{np רחוב,שביל,סמטה def adj}<, והחניה ליד {old.the} עולה {price 10 45}|>.",
    ],
    [
        "<האתר הראשון|התחנה הראשונה> במסלול: {sight}; המקום ירוק כל השנה, ו<בשעות הבוקר|{pick daypart}> אפשר לראות שם {np bird pl adj?}.",
        "<משם|אחר כך> הולכים {count 10 50 דקה} אל {old.def}, ש{past נבנה old} ב-{year 1780 1930} ו{past היה old} פעם {np בית_ספר,מחסן,מפעל,מאפייה adj?}.",
        "{artist}, ש{pres גר artist} ליד {sight.the}, {say does} ו{pres מכר artist} {np art,clothing pl adj?} ב-{price 50 900}.",
        (
            1,
            [
                "הכניסה פתוחה מ-{clock 8 10} עד {clock 15 18}, חוץ מ{pick weekday}, והמחיר {price 15 70} (לילדים - {price 5 14}).",
                "מי ש{pres אהב walker} {np tale pl adj?}, {fut מצא walker} ב{old.the} {np art,object adj} של {np artist adj}.",
                "מ{old.the} יוצא <מסלול|שביל> של {count 3 14 קילומטר} אל {np nature adj}, קל יותר מן השביל של {city}.",
            ],
        ),
    ],
    [
        "לפנות ערב כדאי לשבת ב{shop}, לאכול {np dish,baked adj} ולשמוע איך {host} {pres סיפר host} על {np tale,party adj}.",
        "{host.first} {vp pres host kitchen}, ואם {הוא host} {adj שמח host}, {fut נתן host} לכם לטעום גם מ{np dish,baked adj}.",
        "ארוחה ל{count 2 4 אדם m} עולה {price 90 380}, <פחות|יותר> מאשר ב{city}.",
    ],
    [
        (
            2,
            [
                "לינה: ב{np building adj} של {host.first} יש {count 3 12 חדר adj}, ומחיר הלילה {price 250 900}, כולל ארוחת בוקר עם {np baked,produce adj}.",
                "<טיפ אחרון|עצה אחרונה>: אל תשכחו {np clothing_body adj} ו{np carry adj?}, ואם יש לכם {count 2 5 ילד m}, בקשו מ{artist.first} להראות להם איך {say how}.",
                "היכן כדאי לצלם את {sight.the} של {town}? מ{np גג,גבעה,מרפסת def adj}, <ב{clock 5 7}|ב-{clock 17 19}>, כשהאור נופל על {sight.the} ועל {old.the}.",
                "הזמן הטוב ביותר לביקור הוא {pick month}: {np תושב m pl def adj?} חוגגים אז את פסטיבל ה{np produce,flower pl}, עם {np תוף,כינור,גיטרה pl} ועם {np dish,baked pl adj?}.",
            ],
        ),
    ],
]
