"""A sports report: two teams, the goals, what the coaches said, what comes next."""

from ..phrase import Name
from ..stage import Stage


def cast(stage: Stage) -> None:
    """Names the teams, the scorer, the goalkeeper and the two coaches."""
    scope = stage.scope
    clubs = stage.chance.sample(["הפועל", "מכבי", "בני", "עירוני"], 2)
    towns = []
    while len(towns) < 2:
        town = stage.town()
        if town not in towns:
            towns.append(town)
    for key, club, town in zip(("home", "away"), clubs, towns):
        scope[key] = Name(f"{club} {town}", "f", "sg", frozenset(["team"]))
        scope[f"{key}_town"] = town
    gender = stage.chance.pick("mmf")
    scope["scorer"] = stage.person(stage.one_of("חלוץ קשר"), gender)
    scope["keeper"] = stage.person("שוער", gender)
    scope["back"] = stage.person("בלם", gender)
    scope["coach"] = stage.person("מאמן")
    scope["rival"] = stage.person("מאמן")
    scope["fans"] = stage.make("np אוהד m pl def")
    wins = stage.chance.between(2, 5)
    scope["score"] = f"{wins}-{stage.chance.between(0, wins - 1)}"
    scope["third"] = stage.town()
    scope["league"] = stage.one_of("ליגת_הצפון ליגת_הנגב ליגת_העמקים הליגה_האזורית")


PLAN = [
    [
        "<{home} {past ניצח home} את {away} {score}|{score} ל{home}: {scorer.family} {past הבקיע scorer} שוב|{past הפסיד away} שוב: {away} נגד {home}>"
    ],
    [
        "{home} {past ניצח home} {pick timepast} את {away} {score} במשחק <קשה|מרתק|חשוב> במסגרת {league}, לעיני {count 300 9000 אוהד m} ב{np אצטדיון def} של {home_town}.",
        "<השער הראשון|היתרון> הושג כבר בדקה ה-{n 3 40}: {scorer} {past קיבל scorer} כדור מ{back.name}, {past עבר scorer} <{count 2 3 שחקן m}|את {keeper.role}> ו{past בעט scorer} {pick adverb} לפינה ה<ימנית|שמאלית>.",
        (
            1,
            [
                "{keeper}, ש{past שיחק keeper} למרות {np בעיה adj?} ב<ברך|כתף>, {past עצר keeper} {count 2 8 כדור} ו{past הציל keeper} את {away_town} מתבוסה.",
                "בדקה ה-{n 46 70} {past הוחלף back} {back.name}, ו{away} {past נשאר away} בלי בלמים עד סוף המשחק.",
            ],
        ),
    ],
    [
        "במחצית השנייה {past שיחק away} {away} טוב יותר, אבל <לא {past הצליח away} להבקיע גם בתוספת הזמן ({n 2 7} דקות)|{past החמיץ away} {count 2 5 הזדמנות}, אחת מהן בדקה ה-{n 80 89}>.",
        (
            2,
            [
                "בדקה ה-{n 50 89} {past נפל scorer} {scorer.family} ברחבה, ו{x=np שופט def adj?} {past החליט x} <לא לשרוק|על פנדל>.",
                "{fans} של {away_town} שרו {np שיר adj} גם כשקבוצתם פיגרה, ו{n 20 90} מהם נשארו עד {clock 22 23}.",
                "כש{scorer.family} {past יצא scorer} בדקה ה-{n 70 88}, הקהל עמד ומחא כפיים {count 2 4 דקה}.",
                "{back.name} {past ראה back} כרטיס אדום אחרי ש{past בעט back} ב{np carry adj} ליד הספסל.",
            ],
        ),
    ],
    [
        '{coach} {past אמר coach} אחרי המשחק: "<אני {adj גאה coach} ב{scorer.first}|{scorer.first} {past היה scorer} {adj חזק scorer} יותר מכולם>, אבל לפנינו עוד {count 4 20 משחק} ו{np קושי pl}".',
        'לעומת {coach.family}, {rival}, ש{pres אימן rival} את {away} כבר {count 2 6 עונה}, {past התלונן rival}: <"אם {x=np שופט def} {past היה x} {pres שרק x} פחות, היינו מנצחים"|"אין לי {np תשובה adj:פשוט pl}, אולי יש ל{np הנהלה def}">.',
        (
            1,
            [
                '{x=np עיתונאי adj?} {past שאל x} מה {past אמר coach} {coach.first} לשחקנים בהפסקה, ו{coach.family} {past חייך coach}: "מי שירוץ יקבל {np dish,baked adj}".',
                'על השאלה אם {scorer.family} {fut עבר scorer} {pick timefuture} לקבוצה אחרת, {past ענה coach} {coach.family}: "<לא אצלי|רק אם ישלמו {n 2 9} מיליון שקלים>".',
            ],
        ),
    ],
    (
        "{scorer.name}, {בן scorer} {n 18 33}, {past נולד scorer} ב{away_town} ו{past התחיל scorer} לשחק בגיל {n 5 11}, <בחצר של {np בית_ספר def}|במגרש ליד {np shop,building def adj}>.",
        "העונה {past הבקיע scorer} <{count 12 24 שער}, יותר מבעונה הקודמת ({n 3 11})|{count 3 9 שער}, פחות מבעונה הקודמת ({n 10 19})>, ו{הוא scorer} {pres התאמן scorer} {count 2 6 שעה} ביום.",
    ),
    [
        (
            2,
            [
                "אחרי {count 9 28 מחזור} {home} {pres נמצא home} במקום ה-{n 2 9} עם {count 15 60 נקודה}, ואילו ל{away} יש רק {count 6 14 נקודה}.",
                "ב{pick weekday}, {date}, {fut פגש home} {home} את {pick teamname} {third}, ו{scorer.family} {fut שיחק scorer} רק אם {x=np רופא def} {fut אישר x} זאת.",
                "הנהלת {away} <תתכנס|תקיים ישיבה> ב-{date} כדי להחליט אם {rival.name} {fut נשאר rival} או {fut הוחלף rival} לפני סוף העונה.",
                "המשחק הבא של {away} ייערך ב{away_town} ב-{clock 17 21}; כרטיס יעלה {price 20 120}, ולילדים עד גיל {n 6 12} הכניסה חופשית.",
            ],
        ),
    ],
]
