"""What the web puts among Hebrew documents: boilerplate and other languages.

The paragraphs were written for this corpus; none is quoted.
"""

from __future__ import annotations

BOILERPLATE = (
    "אתר זה משתמש בקובצי Cookie כדי לשפר את חוויית הגלישה. המשך הגלישה מהווה הסכמה.",
    "© כל הזכויות שמורות. אין להעתיק או לפרסם ללא אישור בכתב.",
    "לחצו כאן להמשך קריאה >>",
    "הירשמו לניוזלטר שלנו וקבלו עדכונים ישירות למייל",
    "שתפו בפייסבוק | שתפו בוואטסאפ | הדפסה | שליחה לחבר",
    "דף הבית » חדשות » מקומי",
    "תגובות (0) הוסף תגובה",
)

ENGLISH = (
    "The old lighthouse has been closed for repairs since spring. Visitors may still "
    "walk along the pier, and the small cafe at its end is open every day but Monday.",
    "Our office will move to a new building next month. Please send letters to the "
    "new address, and call ahead if you plan to come in person.",
    "She kept a notebook of every bird she saw from the kitchen window. By the end of "
    "the year it held forty names, some of them spelled with great confidence.",
    "To reset the device, hold the power button for ten seconds. The light will blink "
    "twice; when it turns green, connect the cable and start again.",
)

RUSSIAN = (
    "Вчера в нашем районе открылась новая библиотека. В читальном зале светло и тихо, "
    "а по четвергам там собирается шахматный кружок.",
    "Осенью дорога к озеру становится скользкой, поэтому автобус ходит только до моста. "
    "Дальше все идут пешком, и никто не жалуется.",
    "Для этого супа нужны три картофелины, одна морковь и немного терпения. "
    "Варите на слабом огне и не забудьте посолить в самом конце.",
)

ARABIC = (
    "افتتحت المكتبة الجديدة أبوابها صباح اليوم، وجاء الأطفال مع معلماتهم ليختاروا كتابا واحدا لكل منهم.",
    "يقع بيت جدي عند طرف القرية، وأمامه شجرة زيتون كبيرة نجلس تحتها في المساء ونشرب الشاي بالنعناع.",
    "سيكون الطقس غدا معتدلا في الساحل وباردا على الجبال، وقد تسقط أمطار خفيفة قبل المساء.",
)

YIDDISH = (
    "מײַן באָבע האָט געװױנט אין אַ קלײן שטעטל בײַם טײַך. יעדן פֿרײַטיק האָט זי געבאַקן "
    "חלות, און דער ריח איז געגאַנגען איבער דער גאַנצער גאַס. די קינדער זענען געקומען "
    "פֿון אַלע הײַזער און געװאַרט בײַם פֿענצטער.",
)

FOREIGN = ENGLISH + RUSSIAN + ARABIC

# Words of the corpus with their vowel points, each checked by hand.
POINTED = {
    "בית": "בַּיִת",
    "ילד": "יֶלֶד",
    "ספר": "סֵפֶר",
    "מים": "מַיִם",
    "לחם": "לֶחֶם",
    "דרך": "דֶּרֶךְ",
    "לילה": "לַיְלָה",
    "בוקר": "בּוֹקֶר",
    "ערב": "עֶרֶב",
    "שנה": "שָׁנָה",
    "תודה": "תּוֹדָה",
    "היום": "הַיּוֹם",
    "גדול": "גָּדוֹל",
    "קטן": "קָטָן",
    "כל": "כָּל",
    "של": "שֶׁל",
    "לא": "לֹא",
    "הוא": "הוּא",
    "היא": "הִיא",
    "אמר": "אָמַר",
    "אבל": "אֲבָל",
    "עיר": "עִיר",
    "שיר": "שִׁיר",
    "מרק": "מָרָק",
    "חלב": "חָלָב",
    "דבש": "דְּבַשׁ",
    "סוס": "סוּס",
}

# Single code points that older fonts and converters leave in text.
PRESENTATION = {
    "ש": "\ufb2a",
    "ב": "\ufb31",
    "כ": "\ufb3b",
    "ת": "\ufb4a",
    "ו": "\ufb35",
    "ל": "\ufb3c",
}
