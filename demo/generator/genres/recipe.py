"""A recipe: where it comes from, what goes in, how it is made, how to serve it."""

from ..stage import Stage

_DISHES = {
    "oven": ("עוגה עוגה פשטידה מאפה", "fruit"),
    "pot": ("מרק תבשיל מרק", "vegetable"),
    "jam": ("ריבה", "fruit"),
    "bowl": ("סלט", "vegetable"),
}
# By way of making: the dry ingredient, what may replace it, what goes beside, the tool and one
# more ingredient.
_BESIDES = {
    "oven": (
        "קמח",
        "<קמח כוסמין|שקדים טחונים|קמח מלא>",
        "כוס <תה|קפה|חלב>",
        "תבנית,תנור",
        "<{n 100 350} גרם <גבינה|יוגורט|חמאה>|{count 2 5 כף} דבש>",
    ),
    "pot": ("אורז בורגול קוסקוס", "<פתיתים|עדשים|תפוחי אדמה>", "{np baked adj}", "סיר", "{count 3 6 כף} שמן זית"),
    "jam": ("סוכר", "<דבש|סוכר חום|סילאן>", "{np baked adj}", "סיר,צנצנת", "{count 2 5 כף} מיץ <לימון|תפוזים>"),
    "bowl": (
        "בורגול קוסקוס",
        "<אורז|עדשים|גרגירי חומוס>",
        "{np baked adj}",
        "קערה,צלחת",
        "<{n 100 350} גרם גבינה|{count 3 6 כף} שמן זית>",
    ),
}
_STEPS = {
    "oven": (
        "מחממים את התנור ל-{n 160 200} מעלות ומשמנים {np תבנית adj?}.",
        "בקערה <גדולה|עמוקה|נקייה> מערבבים את ה{dry} עם מעט {spice} ו<חלב|יוגורט|מיץ>, <{pick adverb}|במשך {count 3 9 דקה}>, עד שהבלילה אחידה.",
        "חותכים את {main.the} ל<קוביות|פרוסות> בעובי של {count 2 4 סנטימטר}, מוסיפים לבלילה ואופים {count 25 60 דקה}, עד ש{dish.the} {pres קיבל dish} צבע <זהוב|חום בהיר>.",
    ),
    "pot": (
        "קולפים {count 2 4 בצל}, <קוצצים אותם דק|חותכים אותם לקוביות> ומטגנים ב{np סיר adj?} עם {count 2 4 כף} שמן זית במשך {count 4 12 דקה}.",
        "מוסיפים את {main.the}, {spice} וקורט מלח, מכסים <במים רותחים|בציר ירקות> ומביאים לרתיחה.",
        "מנמיכים את האש ומבשלים {count 25 90 דקה}; אם {dish.the} {pres יצא dish} סמיך מדי, מוסיפים <חצי כוס|{count 2 3 כוס}> מים.",
    ),
    "jam": (
        "שוטפים את {main.the}, <חוצים|פורסים> {את main} בעובי של {count 2 3 סנטימטר} ומסירים את הגלעינים.",
        "שמים {count 2 4 כוס} {dry} ב{np סיר adj?}, מערבבים {pick adverb} ומניחים ל{count 2 12 שעה}, עד שהסוכר נמס.",
        "מבשלים על אש <קטנה|נמוכה> {count 30 90 דקה}, מוסיפים {spice} ומיץ מ{count 2 4 לימון}, וכשהריבה סמיכה ממלאים בה {count 3 6 צנצנת} נקיות.",
    ),
    "bowl": (
        "שוטפים את {main.the} וחותכים {את main} <לקוביות קטנות|לרצועות> בעובי של {count 4 9 מילימטר}.",
        "בצלחת <קטנה|עמוקה> מערבבים {count 2 4 כף} שמן זית, מיץ מ{count 2 3 לימון} ומעט {spice}.",
        "יוצקים את הרוטב {count 5 20 דקה} לפני ההגשה, מערבבים {pick adverb} ומפזרים <אגוזים קלויים|גבינה מלוחה|עשבי תיבול> מלמעלה.",
    ),
}


def cast(stage: Stage) -> None:
    """Names the dish and what is in it, the way it is made, and whose it is."""
    scope = stage.scope
    way = stage.chance.pick(["oven", "oven", "pot", "jam", "bowl"])
    dishes, main = _DISHES[way]
    scope["main"] = stage.make(f"np {main} pl")
    # Some fruits and vegetables give their name to a dish in the singular.
    number = "sg" if "solo" in scope["main"].classes else "pl"
    inside = scope["main"].but(number=number)
    scope["dish"] = stage.make(f"np {stage.one_of(dishes)}").but(complement=inside)
    scope["cook"] = stage.person(stage.one_of("טבח אופה שכן דוד מורה"))
    scope["town"] = stage.town()
    dry, scope["replacement"], scope["side"], tool, scope["extra"] = _BESIDES[way]
    scope["tool"] = f"{{np {tool} def adj}}"
    scope["dry"] = stage.one_of(dry)
    scope["amount"] = stage.make("count 2 4 כוס").raw() + " " + scope["dry"]
    scope["spice"] = stage.one_of("קינמון" if way in ("oven", "jam") else "כמון פפריקה כורכום")
    for number, step in enumerate(_STEPS[way], 1):
        scope[f"step{number}"] = step


PLAN = [
    ["<{dish} של {cook.first}|מתכון: {dish} ב-{n 20 90} דקות|{dish} עם {spice}, כמו ב{town}>"],
    [
        "את המתכון ל{dish} קיבלתי מ{cook} {pick timepast}, כש<ביקרתי ב{town}|ישבנו ב{np room def adj?} ודיברנו על {np tale,party def adj?}>.",
        "{cook.first} {past למד cook} להכין {את dish} מ{סבתא cook}, ש<גידלה|מכרה> {main} ב{town} <לפני {count 30 70 שנה}|מאז {year 1950 1969}>.",
        (
            1,
            [
                "{pres אמר cook} {cook.first} שהסוד הוא ב{say tool}: <אחרת {dish.the} לא {pres הצליח dish}, גם אחרי {count 2 5 ניסיון}|רק כך {pres הצליח dish} {dish.the}>.",
                "המנה מספיקה ל{count 4 12 סועד m} ועולה פחות מ-{price 20 90}, <זול יותר|הרבה פחות> ממה שמשלמים ב{np מסעדה,בית_קפה adj?}.",
            ],
        ),
    ],
    [
        "<המצרכים|מה צריך>: {count 3 9 main}, {amount}, {count 2 3 כפית} {spice}, {say extra} ומעט מלח.",
        (
            1,
            [
                "אם אין {dry} בבית, אפשר להשתמש ב{say replacement}, אבל אז <הטעם משתנה|צריך פחות מים>.",
                "את {main.the} <קניתי|קונים> ב{np שוק,מכולת,חנות def adj}, ב-{n 6 24} שקלים לקילו, ורצוי שיהיו {adj טרי main}.",
            ],
        ),
    ],
    ["{say step1}", "{say step2}", "{say step3}"],
    (
        "{cook.first} {pres הגיש cook} את {dish.the} {pick daypart} ו{pres אמר cook} שאסור לטעום {מ dish} לפני ש{np אורח,ילד,נכד m pl def adj?} יושבים סביב השולחן.",
        "כשיש זמן, {הוא cook} {vp pres cook kitchen} ו{vp pres cook kitchen}; כשאין, {הוא cook} {pres הכין cook} רק {np dish adj}.",
    ),
    [
        (
            2,
            [
                "מגישים {pick daypart} עם {say side}, ואם נשאר משהו, שומרים במקרר עד {count 2 6 יום}.",
                "בפעם האחרונה שהכנתי {dish}, <השכנים|הילדים|האורחים> <אכלו הכול בתוך {count 4 20 דקה}|ביקשו תוספת {count 2 4 פעם}>, ו{x=np guest,neighbour def adj?} {past ביקש x} את המתכון.",
                '<איך יודעים ש{dish.the} {adj מוכן dish}|מתי יודעים ש{dish.the} {adj מוכן dish}>? {cook.first} {pres ענה cook}: "<כשהריח מגיע עד {np room,street def}|כשהמזלג נכנס בלי התנגדות>".',
            ],
        ),
    ],
]
