"""The protocol of a committee's meeting: who was there, what was said, the vote."""

from ..choosing import noun_named
from ..phrase import Name, NounPhrase
from ..stage import Stage

_FIELDS = "הכספים החינוך הבריאות התכנון התחבורה התרבות הספורט הרווחה"


def cast(stage: Stage) -> None:
    """Names the committee, its chair, a member for, one against, and an adviser."""
    scope = stage.scope
    field = Name(stage.one_of(_FIELDS))
    scope["field"] = field
    committee = NounPhrase(noun_named("ועדה"), complement=field)
    council = NounPhrase(noun_named("מועצה"), marked=True)
    scope["committee"] = committee
    scope["town"] = stage.town()
    scope["chair"] = stage.person('יו"ר', complement=NounPhrase(noun_named("ועדה"), marked=True))
    scope["yes"] = stage.person("חבר", complement=council)
    scope["no"] = stage.person("חבר", complement=council)
    scope["adviser"] = stage.person(stage.one_of("מהנדס יועץ חוקר אדריכל"))
    scope["clerk"] = stage.person()
    scope["item"] = stage.make('np הצעה,תוכנית,מסמך,דו"ח adj')
    scope["site"] = stage.make("np building,culture,street,site")


PLAN = [
    ["פרוטוקול <ישיבה|דיון> מס' {n 3 240} של {committee}, {town}, {date 2015 2024}"],
    [
        'נוכחים: {chair.name} (יו"ר), {yes.name}, {no.name}, {adviser.name} ו{count 3 9 נציג m} של {np neighbour m pl def adj?}.',
        "על סדר היום: {item} בעניין {site.def}; {count 2 4 בקשה} של {np institution,company adj}.",
        "הישיבה נפתחה בשעה {clock 13 15} ב{np אולם,חדר,ספרייה def adj?}<, באיחור של {count 5 30 דקה}|>.",
    ],
    [
        "{chair.name}: <שלום|ברוכים הבאים> לכולם, אני {pres פתח chair} את הדיון <מיד|בשמחה|ברצון>, כי יש לנו רק {count 2 4 שעה} ו{count 3 9 סעיף}.",
        "{pick timepast} {past קיבל committee} {committee} {item} בעניין {site.def}, ו{item.the} {adj חשוב item} מאוד: בלי החלטה לא יהיה תקציב עד {date}.",
        (
            1,
            [
                "אני {pres ביקש chair} מ{adviser} להסביר מה השתנה ב{item.the} מאז {date 2012 2014}.",
                "לפני ההצבעה {fut הציג adviser} {adviser} את הנתונים, ואחר כך {fut דיבר yes} {yes.family} {count 5 12 דקה}.",
            ],
        ),
    ],
    [
        "{adviser.name}: תודה. בדקנו {count 8 40 מסמך} ו{count 3 12 חוזה}, ומצאנו ש<המחיר גבוה ב-{pct 5 35} מן המתוכנן|יש {np trouble adj} ב{site.the}>.",
        '<אם נחכה|אם לא נפעל>, העלות תגדל ב-{n 40 900} אלף ש"ח; אם נתחיל עכשיו, נסיים לפני {date}.',
        (
            1,
            [
                '<שאלו אותי|נשאלתי> כמה {np neighbour m pl} ייפגעו: לפי הדו"ח שלנו, לא יותר מ-{n 20 600}.',
                "ב{town} אין {site.a} {adj מודרני site} יותר, ובכל זאת מגיעים {אל site} רק {count 20 90 מבקר m} ביום.",
            ],
        ),
    ],
    [
        "{yes.name}: אני {pres תמך yes} ב{item.the}. {np neighbour m pl def adj?} <חיכו|מחכים> לזה {count 3 15 שנה}, <ואסור לנו לדחות שוב|והם צודקים יותר מאיתנו>.",
        "{no.name}: ואני {pres התנגד no}. <מי יבדוק|איך נדע> ש{np קבלן,מהנדס,יועץ m pl def adj?} לא יבקשו עוד {n 100 950} אלף שקלים {pick timefuture}?",
        (
            2,
            [
                "{yes.name}: {no.name} {past אמר no} את זה גם ב-{year 2008 2014}, ובסוף {past הצביע no} בעד {np plan adj}.",
                "{chair.name}: אני {pres ביקש chair} לא להפריע, {no.family}. זכות הדיבור {של no} תבוא <בעוד {count 2 9 דקה}|אחרי {adviser.name}>.",
                "{no.name}: אני {pres הציע no} לדחות את {item.the} ל-{date}, ולבקש {np report adj} מ{np הנהלה,מחלקה,עירייה def}.",
                "{adviser.name}: כפי שכתבתי בעמוד {n 3 60}, {site.the} {fut נשאר site} {adj פתוח site} במשך כל העבודות<, חוץ מ{pick weekday}|>.",
            ],
        ),
    ],
    [
        "הצבעה: בעד - {n 4 9}, נגד - {n 2 3}, נמנעים - {n 2 4}; <ההצעה אושרה|ההצעה התקבלה> ב-{clock 17 18}, אחרי {count 2 4 שעה} של דיון.",
        (
            2,
            [
                "החלטה: {committee} {pres אישר committee} את {item.the}, בתנאי ש{adviser.family} {fut הגיש adviser} {np report adj?} עד {date}.",
                "{chair.name}: <תודה רבה|אני {pres הודה chair} לכולם>, ניפגש ב{pick weekday}, {date}, ב-{clock 9 18}.",
                "הישיבה ננעלה בשעה {clock 19 22}. {past רשם clerk}: {clerk.name}.",
                "{no.family} {past ביקש no} לרשום בפרוטוקול ש{past הצביע no} נגד, <כי {item.the} לא {adj ברור item} {ל no}|משום שלא {past קיבל no} את החומר בזמן> ({date}).",
            ],
        ),
    ],
]
