"""Stories of a few words, of letters alone, as they are written into cells of names; and names of people."""

# ruff: noqa: RUF001 - names are as their bearers write them

from __future__ import annotations

STORIES = tuple(
    line.strip()
    for line in """
    Stays With Neighbour
    Sleeping Rough
    Whole Family Homeless
    Homeless
    Mum Inpatient
    Refuge
    Womens Aid
    Hides Knives
    Cuts Arms
    Cutting
    Overdosed Twice
    Wets Bed
    Soils Himself
    Bedwetter
    Anorexic
    Bulimia
    Depressed
    Anxious Child
    Selective Mute
    Nonverbal
    Tourettes
    Epileptic
    Diabetic Type One
    Peanut Allergy
    Sickle Cell
    Cystic Fibrosis
    Terminal Illness
    Wheelchair
    Deaf One Ear
    Blind Left Eye
    Illegitimate
    Paternity Unclear
    Raped
    Rape Survivor
    Molested
    Groomed Online
    County Lines
    Drug Runner
    Gang Member
    Carries Blade
    Stabbed
    Shoplifter
    Arsonist
    Young Offender
    Probation
    Prisoner Visit
    Parent Sectioned
    Sectioned
    Bankrupt
    Evicted
    Food Bank
    Benefits Family
    Undocumented
    Overstayed Visa
    Smuggled
    Trafficked Boy
    Asylum
    Lesbian Mothers
    Gay Dads
    Trans Girl
    Identifies Male
    Uses They Pronouns
    Converted Islam
    Jehovahs Witness
    Radicalised
    Extremist Views
    Child Bride
    Arranged Wedding
    Cousin Wedding
    Circumcised
    Social Services
    Fostered
    Adopted
    Care Leaver
    Looked After
    Protection Plan
    Bruised
    Burns
    Neglected
    Malnourished
    Headlice
    Unvaccinated
    Vaccinated
    Miscarriage
    Abortion
    Expecting
    Attention Seeking
    Bully
    Violent
    Aggressive
    Kicks Staff
    Bites Others
    Steals
    Truant
    Restrained
    Restricted Contact
    Injunction
    Court Case
    Custody Battle
    Separated Parents
    Divorced
    Widowed
    Orphan
    Bereaved
    Grieving
    """.strip().splitlines()
)
"""Letters and blanks alone, each word in a capital, as names are."""

NAMES = tuple(
    line.strip()
    for line in """
    O'Neill
    D'Eath
    De'Ath
    van der Merwe
    de la Cruz
    von Habsburg
    dos Santos Silva
    bin Abdullah
    Abd al-Rahman
    El Amin
    St John-Stevas
    Smith-Jones
    Fitz-Gerald Brown
    Ap Rhys
    Ab Owain
    ferch Llywelyn
    Llŷr
    Siân
    Gruffydd
    Wójcik
    Łukasz Żółkowski
    Śliwińska
    Ćwik
    Grzegorz Brzęczyszczykiewicz
    Ọláyínká
    Adébáyò
    Ọmọtóshọ́
    Ẹniọlá
    Nguyễn Thị Hà
    Trần Văn Dũng
    Đặng
    İbrahim Şahin
    Çağla Yıldız
    Özgür
    Jørgen Ågård
    Þórunn
    Guðmundsdóttir
    Kovačević
    Đorđević
    Dvořák
    Křížová
    Ștefan Țepeș
    Müller
    Strauß
    Nuñez
    Muñoz García
    João Conceição
    Renée
    Zoë
    Chloé
    Françoise L'Écuyer
    Əliyev
    Mohamed Ahmed
    Wilfred
    Harding
    Fielding
    Manning
    Reed
    Saeed
    Foster
    Court
    Gay
    Banks
    Burns
    Stevens-Burns
    Iris
    Elsa
    Bo Li
    An Le
    Jo Bo Su
    A J Smith
    J R R Tolkien
    S W Brown
    C P Snow
    Al Amin
    Ng
    E
    Swan
    Constance
    Prudence
    Angel
    Mercy
    Blessing
    Precious
    Hope
    Faith
    Patience
    Grace
    Destiny
    Justice
    Royal
    King
    Knight
    Bishop
    Pope
    Abbott
    Savage
    Moody
    Wild
    Looney
    Grieve
    Trew
    Lawless
    Strange
    Cross
    Christian
    Blind
    Gunn
    Blades
    Payne
    Coffin
    Graves
    Slaughter
    Butcher
    Bride
    Cousins
    Widdows
    """.strip().splitlines()
)
