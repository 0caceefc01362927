"""Words that finders look up: first names, names that are words too, and what is no name although it has a capital."""

__all__ = ["FIRST_NAMES", "NAMES_THAT_ARE_WORDS", "NOT_NAMES", "SMALL_WORDS"]

FIRST_NAMES = frozenset(
    """
    aaliyah aaron abdul abigail abraham ada adam addison adrian ahmed aidan aiden aisha alan albert alejandro alex
    alexa alexander alexandra alexis alice alicia allison alyssa amanda amelia amir amy ana andrea andrew angela
    anika anita ann anna anne annie anthony antonio aria ariana arjun arthur asher ashley audrey aurora ava avery
    barbara beatriz becky ben benjamin beth betty beverly bobby brandon brayden brenda brian brianna brittany
    brooklyn bryan caleb cameron camila carl carla carlos carmen caroline carolyn carter catherine charles charlie
    charlotte chen cheryl chloe chris christian christina christine christopher claire clara cody colton connor
    cynthia daniel daniela danielle david deborah debra dennis diana diane diego dmitri donald donna dorothy
    douglas dylan eduardo edward elena eli elias elijah elizabeth ella ellie emily emma enrique eric erica erin
    ethan eva evan evelyn ezra fatima felix fernando fiona francesca francisco gabriel gabriella gary genesis
    george gerald gianna gloria gregory guadalupe hailey hannah harold harper harry hassan heather helen henry
    hiroshi hudson ian ibrahim ingrid irene isaac isabel isabella isaiah ivan jackson jacob jacqueline jaden jake
    james jamal jamie jane janet janice jared jasmine jason javier jayden jean jeff jeffrey jennifer jenny
    jeremiah jeremy jerry jesse jessica jesus jill jim jimmy joan joe joel john johnny jonathan jordan jorge jose
    joseph joshua josiah joyce juan juanita judith judy julia julian julie justin kaitlyn karen katherine kathleen
    kathryn katie kayla keisha keith kelly kenji kenneth kevin kim kimberly kyle lakshmi landon larry laura lauren
    layla leah leila leo leonardo leticia levi liam lila lily linda lisa logan lori louis lucas lucia lucy luis
    luke luna lydia mackenzie madeline madison malik manuel marcus margaret maria mariana marie marilyn marisol
    martha martin mary mason mateo matthew maya megan mei melanie melissa mia michael michelle miguel mila
    mohammed molly monica muhammad nadia nancy naomi natalia natalie nathan nathaniel nicholas nicole nikhil noah
    noor nora nova olga oliver olivia omar oscar owen pablo pamela patricia patrick paul pedro peter philip
    phillip priya rachel rafael rahul ralph ramon randy raymond rebecca ricardo richard riley rita robert roberto
    roger ronald rosa roy russell ruth ryan ryder samantha samuel sandra santiago sara sarah savannah scarlett
    scott sean sebastian sergio sharon shirley sofia sophia sophie stella stephanie stephen steven stuart susan
    tamika tanya tariq taylor teresa theodore theresa thomas tim timothy tommy tyler valentina valeria vanessa
    veronica victor victoria vijay vincent virginia vivian walter wayne wendy william willie wyatt xavier ximena
    yasmin yolanda yuki yusuf zachary zainab zoe zoey
    """.split()  # noqa: SIM905  (words are read more easily than a list of them)
)

NAMES_THAT_ARE_WORDS = frozenset(
    """
    ace amber angel april art august autumn basil bell bill black bliss brown bush carol chance chase cherry
    christian cliff clay coral crystal dale dawn day dean drew earl eve faith fern ford forest frank gene grace
    grant green guy hall harmony hazel heath heaven hill holly hope hunter iris ivy jack jade jay jewel josh joy
    june king lane lee long mark may melody miles mercy mike nick norm olive page park parker pat patience pearl
    penny pierce price prince queen ray reed rich rob robin rock rod rose ruby rusty sally sandy scout sky snow
    stone storm sue summer sunny terry trinity violet wade ward will wood west white winter woody young destiny
    major max pi bob van ben angle
    """.split()  # noqa: SIM905  (words are read more easily than a list of them)
)
"""Believed to be a name with a capital only."""

SMALL_WORDS = frozenset({
    "the", "and", "for", "von", "van", "der", "den", "del", "los", "las", "high", "school", "middle", "elementary",
    "academy", "college", "university", "mrs", "miss", "prof", "professor", "saint", "street", "junior", "senior",
    "mr", "ms", "dr", "st", "jr", "sr", "ii", "iv", "de", "da", "di", "du", "la", "el", "av", "ps",
})  # fmt: skip
"""Parts of names that identify nobody by themselves."""

NOT_NAMES = frozenset(
    """
    the a an i you he she it we they my your his her our their this that these those there here what which who
    when where why how and or but so if then than as at by for from in into of off on out over to up with about
    after before not no yes ok okay please thanks thank sorry hello hi hey dear good great nice fine happy sad
    sure glad here going doing trying stuck confused done ready late back new old very really just also too still
    now today tomorrow yesterday monday tuesday wednesday thursday friday saturday sunday january february march
    april may june july august september october november december math maths algebra geometry calculus physics
    chemistry biology history english spanish french science homework question problem chapter page section unit
    lesson test quiz exam grade answer step proof theorem equation function graph euler newton gauss pascal
    fibonacci euclid pythagoras pythagorean descartes einstein is are was were be been am do does did has have had
    can could will would should must let lets see say get got go everyone everybody someone all class students
    student teacher tutor parent mom dad team friend sir madam google khan zoom america american united states
    texas california york english mrs mr ms dr prof
    """.split()  # noqa: SIM905  (words are read more easily than a list of them)
)
"""What stands behind `I'm` or `Hi` with a capital and is nobody."""
