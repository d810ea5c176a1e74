"""A family story: a grandparent's youth, a day that is remembered, and today."""

from ..entities import Group, Person
from ..stage import Stage


def cast(stage: Stage) -> None:
    """Names the grandparent, the grandchild who tells, a friend and two places."""
    scope = stage.scope
    gender = stage.chance.pick("mf")
    given = stage.person(gender=gender).first
    scope["elder"] = Person(("סבא " if gender == "m" else "סבתא ") + given, "", gender)
    scope["child"] = stage.person()
    scope["friend"] = stage.person(stage.one_of("שכן חבר"))
    scope["both"] = Group((scope["elder"], scope["friend"]))
    scope["town"] = stage.town()
    scope["city"] = stage.town("city")
    scope["thing"] = stage.make("np instrument,carry adj")
    scope["guests"] = stage.make("count 4 30 אורח m")
    scope["pet"] = stage.make("np pet,farm adj")


PLAN = [
    [
        "<בכל {pick weekday}|פעם בשבוע|בכל {pick season}> {child.name} {past נסע child} אל {elder} ב{town}, <ובדרך {past עבר child} ליד {np site,building def adj}|בקו {n 4 480}, דרך {city}>.",
        "{child.first} {past אהב child} לשבת {עם elder} ב{np room def adj?}, לשתות תה עם <נענע|לימון|לואיזה> ולשמוע {np סיפור adj pl}.",
        (
            1,
            [
                "בבית היה תמיד ריח של {np baked,dish adj?}, ו<בחצר|בגינה> היו {np plant pl} ו{x=np pet,bird adj}, <ש{past ישן x} ליד {np fixture def}|ש{past בא x} {pick daypart}>.",
                "על {np furniture def adj} {past עמד thing} {thing}, ו{child.first} לא {past ידע child} של מי {הוא thing}, <עד {pick weekday} אחד|עד ש{past שאל child}>.",
            ],
        ),
    ],
    [
        "כש{elder} {past היה elder} {adj צעיר elder}, {past גר elder} ב{city} ו{past עבד elder} ב{np workplace,shop adj?} <ברחוב {pick street}|ליד {np site,street def adj}>.",
        "<בימים ההם|באותן שנים> {past היה elder} {pres קם elder} <לפני הזריחה|ב-{clock 4 6}>: {past האכיל elder} את {pet.def}, {vp past elder garden} ו{vp past elder kitchen}.",
        '{elder.first} {past זכר elder} היטב את {friend}, ש{past גר friend} <מעבר לכביש|בדירה הסמוכה>: "{הוא friend} {past היה friend} {adj חכם friend} יותר מ{np profession pl m def}, ו{vp past friend talk}".',
        (
            1,
            [
                "היו {ל elder} {count 2 8 אח m} ו{count 2 7 אח f}, אבל רק {הוא elder} {past למד elder} לנגן ב{np instrument} <בגיל {n 6 15}|אצל {np פסנתרן,זמר,מורה adj?}>.",
                "לא היה כסף, אבל {הוא elder} {past הסתדר elder}: {vp past elder craft}, {vp past elder market} ו{past חסך elder} {count 3 20 שקל} בחודש.",
                "אחרי העבודה {both} {past ישב both} ב{np room,garden def adj?}, {vp past both leisure} ו{vp past both tale}.",
            ],
        ),
    ],
    [
        "{pick weekday} אחד, ב{pick month} {year 1951 1979}, <{past מצא elder} {elder.first} {thing} ב{np room,shop adj?}|{past קנה elder} {elder.first} {thing} ב{n 12 90} לירות>.",
        '{friend.first} {past אמר friend} {ל elder}: "<למה לך|מה אפשר לעשות עם> {thing.this}? {thing.the} {adj ישן thing} יותר <מ{np building def}|ממני>!"',
        'אבל {elder.first} {past הביט elder} ב{thing.def}, {past חייך elder} ו{past אמר elder}: "אם {thing.this} {fut נשאר thing} אצלי, אזכור את {city} גם <בעוד {count 20 60 שנה}|בעיר אחרת>".',
        (
            2,
            [
                "כל {pick season} {elder.first} {past ניקה elder} את {thing.the} <במסירות|בסבלנות|בזהירות>, ו{past שר elder} {np שיר adj}.",
                "כעבור {count 2 9 שבוע} {friend.first} {past הודה friend} ש{past טעה friend} ו{past ביקש friend} לראות את {thing.the} שוב.",
                "בגלל {np גשם,סופה,רוח def adj:חזק} של אותו חורף {both} {past נשאר both} ב{np מטבח,סלון,חדר def adj?}, ו{vp past both kitchen}.",
                "{pick connective}, מאז עברו {count 20 60 שנה}, {thing.the} {past עבר thing} {count 2 6 דירה} ו{count 2 4 עיר}, ו{elder.first} לא {past שכח elder} את {np tale def adj}.",
            ],
        ),
    ],
    (
        '{child.first} {past הקשיב child} בשקט ו{past שאל child}: "ולא פחדת?" "<פחדתי מאוד|בטח שפחדתי>", {past ענה elder} {elder.first}, "אבל מי ש{vp pres child animals} כל יום, כמוך, לומד לא לפחד אפילו מ{np animal,weather adj}".',
        "{pick daypart} {הוא child} {vp past child kitchen}, ו{elder.first} {vp past elder home}.",
    ),
    [
        "היום {elder.first} {pres גר elder} ב{np בית,בניין adj} ב{town}, <ולידו|ולא רחוק משם> {pres גר friend} {friend.first}: {count 2 9 פעם} בחודש {pres שוחח both} {both} בטלפון.",
        (
            2,
            [
                "{thing.the} {pres עמד thing} עכשיו בחדר {של child}, <מתחת ל{np art adj}|ליד {np furniture def adj}>, וכש{np friend,guest m pl} שואלים, {child.first} {pres סיפר child} את הסיפור מההתחלה.",
                "{past הבטיח elder} {elder.first} ש{thing.def} {fut עבר thing} אל {child.first}, אם {child.first} {fut הבטיח child} {vp inf child home}<|, ו{child.first} {past הסכים child}>.",
                "<לפעמים|בלילות {pick season}> {child.first} {pres חשב child} על {elder.first}: איך {past הצליח elder} {vp inf elder garden}, {vp inf elder market} וגם לצחוק?",
                "ב{date} {past חגג elder} {elder.first} יום הולדת {n 70 95}: {child.first} {vp past child party}, {past הגיע guests} {guests}, ו{friend.first} {vp past friend kitchen}.",
            ],
        ),
    ],
]
