"""A portrait of a person at work: childhood, trade, opinions, plans."""

from ..stage import Stage

_TRADES = {
    "art": "צייר צלם",
    "music": "פסנתרן זמר",
    "wood": "נגר",
    "kitchen": "טבח אופה",
    "garden": "גנן חקלאי",
    "study": "מורה סופר",
    "lab": "מדען",
    "office": "מהנדס אדריכל יועץ",
    "build": "חשמלאי",
}


def cast(stage: Stage) -> None:
    """Names the person portrayed, a pupil or partner, and where they work."""
    scope = stage.scope
    trade = stage.chance.pick(list(_TRADES))
    scope["hero"] = stage.person(stage.one_of(_TRADES[trade]))
    scope["pupil"] = stage.person(stage.one_of("תלמיד שכן מתנדב"))
    scope["town"] = stage.town()
    scope["city"] = stage.town("city")
    scope["work"] = stage.make("np חדר,סדנה,מחסן,חצר adj")
    # The bare noun, for "Dana Levi, carpenter from ..."
    scope["job"] = scope["hero"].role.but(marked=False)
    scope["does"] = f"{{vp pres hero {trade}}}"
    scope["did"] = f"{{vp past hero {trade}}}"
    scope["they"] = stage.make("np תלמיד m pl")
    scope["toy"] = stage.make("np art,reading,clothing adj")


PLAN = [
    [
        '<{hero.name}, {job} מ{town}: "<לא אפסיק|אמשיך> גם בגיל {n 70 99}"|{count 12 24 שנה} של עבודה: {hero.name}, {job}, {pres סיפר hero}|יום אחד ב{town} עם {hero}>'
    ],
    [
        "{hero}, {בן hero} {n 40 78}, {pres קם hero} ב-{clock 4 6}, {pres שתה hero} קפה ב{np מטבח,מרפסת,סלון,חצר def adj?} ו{pres התחיל hero} לעבוד {pick adverb}.",
        "{past נולד hero} ב{city} למשפחה של {count 4 11 נפש}, ו{past עבר hero} ל{town} <כש{past היה hero} {בן hero} {n 5 30}|ב-{year 1985 2010}>.",
        (
            1,
            [
                "{אב hero} היה {np profession m}, {אם hero} הייתה {np profession f}, ושניהם רצו ש{hero.first} {fut למד hero} <משפטים|רפואה|הנדסה>.",
                "בבית הספר {past ישב hero} {hero.first} בשורה האחרונה, {vp past hero craft} ולא {past ענה hero} לאף {np מורה} חוץ מ{np מורה def adj}.",
            ],
        ),
    ],
    [
        "<מה ממלא את היום|איך נראה היום> של {hero.name}? {pick daypart} {הוא hero} {say does}, <ואחר כך|ורק אחרי {count 2 4 שעה}> {say does}.",
        "ב{work.def} יש {np furniture adj}, {np carry adj} ו{count 3 20 קופסה}, ולצד {np fixture def} {!x=np art adj}{adj תלוי x} {x}.",
        "{pupil}, ש{pres עזר pupil} {ל hero} כבר {count 2 9 שנה}, {pres אמר pupil} ש{hero.first} {adj מסור hero} יותר מכל {np profession} ש{past הכיר pupil}.",
        (
            1,
            [
                "לפעמים {!x=np neighbour adj}{pres נכנס x} {x}, ואז {hero.first} {pres הפסיק hero} לעבוד, {vp pres hero talk} ו{pres הגיש hero} {np baked adj?}.",
                "<בימי|בחודשי> {pick season} {pupil.first} {vp pres pupil home}, ו{hero.first} {vp pres hero leisure} עד {clock 17 20}.",
            ],
        ),
    ],
    (
        "לא הכול היה קל: ב-{year 1992 2014} {past איבד hero} {hero.first} את {np חנות,סדנה,מסעדה,מאפייה def} {של hero} בגלל {np מחסור,סופה,תקלה adj:קשה}, ובמשך {count 3 11 חודש} {past עבד hero} ב{np workplace,shop adj?} ב{city}.",
        '"<איש לא עזר לי|לא היה לי שקל>", {past אמר hero} {hero.first}, "חוץ מ{pupil.first}, ש{past הביא pupil} לי {toy} ו{vp past pupil kitchen}".',
        "את {toy.the} {hero.first} {pres שמר hero} עד היום, ליד {np furniture def adj}.",
    ),
    [
        'מה {pres חשב hero} {hero.first} על <{np עובד,סטודנט m pl adj:צעיר}|הדור הצעיר|{np learner m pl adj:צעיר}>? "<הם חכמים ממני|יש להם יותר כלים ממה שהיה לי>, אבל פחות {pick virtue}; אם {fut למד they} לחכות, <יצליחו|{fut הגיע they} רחוק>".',
        "{pupil.first} {pres צחק pupil} ו{pres אמר pupil} ש{past שמע pupil} את זה <{n 100 900} פעמים לפחות|כבר ביום הראשון, כש{past היה pupil} {בן pupil} {n 14 20}>.",
    ],
    [
        (
            2,
            [
                "{pick timefuture} {fut פתח hero} {hero.first} {np סדנה adj:קטן} <ברחוב {pick street}|ליד {np site,building def adj}>, יחד עם {pupil.first}.",
                "ומה החלום של {hero.name}? {vp inf hero travel}, {vp inf hero leisure} ולחזור הביתה לפני {pick weekday}.",
                "ל{hero.first} יש {count 2 5 ילד m} ו{count 3 14 נכד m}, <אבל איש מהם לא בחר להיות {job}|ורק שניים מהם גרים ב{town}>; ב{pick weekday} באים כולם, והבית {של hero} קטן מלהכיל אותם.",
                'כשיצאתי, {hero.family} {past נתן hero} לי {np produce,baked,reading adj} ו{past אמר hero}: "הדלת כאן פתוחה, אפילו ב-{clock 4 6}".',
            ],
        ),
    ],
]
