"""Stories of a few words, of letters alone, as they are written into cells of names; and names of people."""

# ruff: noqa: RUF001 - names are as their bearers write them

from __future__ import annotations

STORIES = tuple(
    line.strip()
    for line in """
    Stays With Neighbour
    HMP Eastwood
    HMYOI Wetherby
    Tourette's
    Lily-transitioning
    YOI Feltham
    Barnardos
    Barnardo's
    NSPCC
    Childrens Home
    No Fixed Abode
    NFA
    Family NFA
    In HMP
    Son RSO
    Bro in YOI
    Mum - HBV
    Temp Accommodation
    Emergency Placement
    Prev Nowak
    Adoptee
    Adopté
    Adoptowany
    Pflegekind
    Frauenhaus
    Enfant Placé
    Rodzina Zastępcza
    Jehovah
    Gate Code 4471
    Key Under Mat
    No Letters
    Return Mail
    Homes For Ukraine
    Undisclosed
    M&B Unit
    Address Withheld
    Police Protection
    Safehouse
    Absconder
    Truanting
    Deed Poll
    Hep B
    Takes Sertraline
    Travellers Site
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
    Ó hUiginn
    Mac an tSaoir
    't Hooft
    op den Kamp
    Zia ul Haq
    Crook
    Coward
    Nurse
    Will Self
    Blood
    Bull
    Salt
    Mace
    Couch
    Cheek
    Gaunt
    Wei He
    Nino
    Niño de Guzmán
    Ibán
    Refugio Ortiz
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

FURTHER = tuple(
    line.strip()
    for line in """
    Broken Ribs
    Drunk Mother
    Violent Home
    Absent Father
    Angry Stepdad
    Bullied Daily
    Crying Constantly
    Cannabis Smell
    Gambling Debts
    Cold House
    Empty Cupboards
    Filthy Clothes
    Head Lice
    Weight Loss
    Bad Breath
    Skin Rash
    Fractured Skull
    Cigarette Burns
    Black Eye
    Split Lip
    Belt Marks
    Missing Teeth
    Night Terrors
    Panic Attacks
    Blade Found
    Stolen Phone
    Shop Theft
    Fire Setter
    Car Thief
    Knife Crime
    Drug Dealer
    Cocaine Habit
    Beer Breath
    Needle Found
    Heavy Smoker
    Older Boyfriend
    Explicit Photos
    Teen Mum
    Morning Sickness
    Secret Relationship
    Sofa Surfer
    Rent Arrears
    No Recourse
    Visa Expired
    Illegal Entry
    Fake Passport
    Deportation Pending
    Bail Conditions
    Prison Visits
    Police Raid
    Hospital Admission
    Heart Murmur
    Brain Injury
    Hearing Aid
    Blood Disorder
    Kidney Failure
    Bowel Problems
    Feeding Tube
    Learning Difficulty
    Low Intelligence
    Mentally Unstable
    Suicide Note
    Therapy Weekly
    Grieving Grandparent
    Parents Divorcing
    Swollen Face
    Loud Quarrels
    Slept Outside
    Locked Cupboard
    Hungry Again
    Torn Uniform
    Nasty Temper
    Throws Chairs
    Spat Blood
    Strangled Pet
    Swallowed Bleach
    Wrist Wounds
    Deep Scratches
    Shaved Head
    Cruel Uncle
    Jealous Partner
    Vanished Weekend
    Train Tracks
    Riding Mopeds
    Carrying Cash
    Two Phones
    Designer Trainers
    Dealing Weed
    Vodka Bottle
    Glue Sniffing
    Crack House
    Filmed Naked
    Adult Chatrooms
    Inappropriate Touching
    Underage Intercourse
    Pregnancy Scare
    Missed Periods
    Loan Sharks
    Repossessed Home
    Damp Flat
    Overcrowded Bedsit
    Stateless Family
    Smuggled Lorry
    Torture Victim
    War Orphan
    Radical Preacher
    Hate Leaflets
    Vandalised Bus
    Torched Shed
    Assaulted Teacher
    Threatened Staff
    Stabbed Classmate
    Curfew Breach
    Ankle Monitor
    Tumour Removed
    Chronic Pain
    Immune Deficiency
    Colostomy Bag
    Severe Eczema
    Wears Nappies
    Cleft Palate
    Speech Impediment
    Low Reading
    Obsessive Rituals
    Bereaved Twin
    Scalded Foot
    Dislocated Shoulder
    Infected Piercing
    Rotten Teeth
    Bruised Cheek
    Cracked Nose
    Bleeding Gums
    Choked Brother
    Sleeps Bathtub
    No Electricity
    Maggots Everywhere
    Dog Faeces
    Used Condoms
    Naked Selfies
    Internet Predator
    Sugar Daddy
    Abortion Clinic
    Miscarriage June
    Morphine Patch
    Ketamine Addict
    Balloon Gas
    Prescription Forgery
    Stolen Moped
    Postcode Gang
    Acid Attack
    Hate Crime
    Spray Painting
    Bike Thief
    Lied Repeatedly
    Kicked Headteacher
    Bit Assistant
    Climbs Roof
    Drinks Perfume
    Eats Paper
    Pulls Hair
    Hears Whispers
    Sees Ghosts
    Won't Talk
    Hates Men
    Fears Baths
    Wets Trousers
    Soiled Underwear
    Autistic Traits
    Tics Worsening
    Dyslexic Reader
    Foetal Alcohol
    Stroke Survivor
    Spina Bifida
    Muscle Wasting
    Cochlear Implant
    Prosthetic Leg
    Liver Transplant
    Payday Loans
    Benefit Fraud
    Father Redundant
    Landlord Eviction
    Evangelical Cult
    Forced Veil
    Honour Threat
    Cousin Marriage
    """.strip().splitlines()
)
"""Stories of two words, each with a word that is in no list of topics."""

_LATER = """
    Foster Mum; Gran Only; Dad Inside; Father Remanded; Mum Drinks; Overdose March; Cuts Herself; Special
    Guardian; Kinship Care; Plan Pending; Strategy Meeting; Attends Camhs; Tics Diagnosed; Not Eating;
    Wets Bed; Known Tusla; Prevent Concern; Channel Panel; Gang Affiliated; County Line; Carries Knife;
    Found Stealing; Hostel Now; Sofa Surfing; Evicted August; Rent Arrears; Food Parcel; Food Bank; Free
    Meals; No Recourse; Visa Expired; Overstayer Family; Traveller Site; Roma Camp; Attends Mosque;
    Jehovahs Witness; Gay Parents; Two Mums; Binder Worn; They Them; Pregnant Again; Morning After Pill;
    Sickle Cell; Insulin Daily; Peanut Epipen; Inhaler Needed; Colostomy Bag; Cochlear Implant; Stammer
    Severe; Slow Learner; Bottom Set; Violent Outburst; Bit Teacher; Police Called; Tagged Curfew; Court
    Friday; Grooming Online; Sexting Incident; Uncle Touched; Bruise Seen; Hidden Address; Do Not Ring;
    Refuge Child; Married Abroad; Cutting Season; Runs Away; Absconded Twice; Sleeps Rough; Mum Deported;
    Stepdad Hits; Lives Upstairs Alone; Waiting List Camhs; Section Twenty; Child In Need; Early Help;
    Section Forty Seven; Ward Of Court; No Uniform; Owes Dinner Money; Skips Lunch; Wears Same Clothes;
    Ringworm; Wears Glasses; Hearing Aids; One Hand; Left Handed; Slow Reader; Moved Twice; Lives
    Caravan; Boat Family; Pending Asylum Claim; Came By Lorry; Speaks No English; Prays Daily; Fasting;
    Wears Veil; Mixed Marriage; Parents Separated; Mother Left; New Boyfriend; Stepmum Pregnant; Dad
    Abroad; Father Unknown; Not His Dad; Secret Baby; Home Visit Needed; Meets Older Men; Online
    Boyfriend; Has Two Phones; Found With Cash; Holds Money; Sells Vapes; Youth Justice; Ankle Tag;
    Community Order; Shouts At Staff; Throws Chairs; Part Time Only; Threw Table; Runs Off Site; Panic At
    Night; Cannot Sleep; Picks Skin; Pulls Hair Out; Counts Everything; Hand Flapping; Wheelchair Ramp;
    Needs Lift Key; Feeding Tube; Carries Pen Always; Lives Above Pub; Nobody At Home; Takes Tablets;
    Walks Home Alone; Doctor Says Anxiety; Reads Below Age; Mother In Hospital; Uncle In Prison; Under
    Social Services; Split Family; Half Brother Here; Step Siblings; Shares One Bed; Broken Arm; Toilet
    Trained Late; Late Every Day; Never Smiles; Twin Died; Granny Died March; Bad Dreams; Eating
    Problems; Very Thin; Refuses School; School Phobic; Sent Home Often; Wrong Pronouns; Chosen Name
    Alex; Baptism Pending; Eats Halal Only; Eid Absence; Bonfire Burns; Car Crash; Family Bankrupt; Lost
    Passport; Indefinite Leave; Age Assessment; Foster Breakdown; Respite Weekends; Permanence Plan;
    Adoption Order; Residence Order; Dad Banned; Mum Blind; Carer For Mum; Interpreter Needed; Sign
    Language; Tube Fed; Blue Badge; Oxygen Cylinder; Fits Weekly; Nut Allergy; Milk Free; Gluten Free;
    Special Diet; Special School Place; Unit Place; Taxi To School; Lone Parent; Bail Address; Drug House
"""
LATER = tuple(" ".join(story.split()) for story in _LATER.split(";"))
"""Of two and three words, written in three parts, the last after all words had been chosen."""

_UNSEEN = """
    Mum Vanished; Gran Collects; Sleeps Downstairs; Father Overdosed; Sister Missing; Brother Arrested;
    Baby Removed; Lodger Violent; Aunt Cares; Dad Drunk; Mattress Floor; Burnt Hands; Broken Wrist;
    Split Eyebrow; Bald Patches; Bitten Nails; Scarred Arms; Fainted Twice; Seizure Weekly; Blood
    Sugars; Steroid Cream; Ventilator Nights; Catheter Change; Wheezy Chest; Kidney Dialysis; Feeds
    Overnight; Latex Reaction; Egg Intolerance; Psychotic Episode; Manic Phase; Sobbing Daily; Withdrawn
    Lately; Cutting Thighs; Laxatives Found; Starving Herself; Binge Vomits; Nightmares Constant;
    Screams Loudly; Mutters Alone; Soils Carpet; Licks Walls; Bangs Forehead; Spits Frequently; Swears
    Constantly; Punches Doors; Smashed Windows; Burgled Neighbours; Robbed Shop; Stole Laptop; Sells
    Cigarettes; Smokes Spice; Sniffs Aerosols; Swigs Cider; Snorts Powder; Machete Hidden; Hammer
    Carried; Gun Photograph; Tattoo Gang; Dealer Threatens; Owed Money; Taxi Strangers; Hotel Meetings;
    Gifts Jewellery; Naked Pictures; Livestream Abuse; Webcam Stranger; Kissed Teacher; Touched Sister;
    Undressed Publicly; Married Cousin; Engaged Overseas; Passport Confiscated; Flown Pakistan; Stopped
    Heathrow; Ferry Stowaway; Lorry Arrival; Dublin Transfer; Refused Leave; Deported Uncle; Detention
    Centre; Tribunal Pending; Magistrates Tuesday; Curfew Tag; Parole Hearing; Jailed Stepfather;
    Visiting Jail; Solicitor Wrote; Barred Grandfather; Unsupervised Forbidden; Secret Location; Escaped
    Husband; Shelter Placement; Bailiffs Coming; Mouldy Bedroom; Rats Kitchen; Cold Showers; Candles
    Only; Broke Family; Universal Credit; Means Tested; Charity Hampers; Unwashed Jumper; Holes Shoes;
    Skipped Breakfast; Steals Sandwiches; Prays Mosque; Baptised Sikh; Converts Soon; Atheist Household;
    Votes Labour; Union Striker; Bisexual Daughter; Transitioning Soon; Boyish Pronouns; Dresses
    Feminine; Dyslexia Suspected; Autism Queried; Stutters Badly; Signs Makaton; Braille Reader;
    Lipreads Only; Crutches Temporary; Prosthesis Fitting; Wobbly Balance; Tremor Hands; Overweight
    Referral; Underweight Baby; Premature Twins; Inherited Disorder; Carrier Haemophilia; Tumour Scan;
    Chemo Cycle; Hospice Mother; Dying Grandad; Funeral Thursday; Drowned Brother; Murdered Aunt;
    Surrogate Born; Donor Conceived; Unknown Sperm; Bigamous Dad; Affair Child; Twin Separated; Nanny
    Raises; Au Pair; Boarding Soon; Truanting Mondays; Excluded Repeatedly; Cheated Exam; Plagiarised
    Essay; Lowest Marks; Backward Speller; Gifted Maths; Lazy Pupil; Rude Attitude; Unpopular Loner;
    Smelly Boy; Ugly Teeth; Liar Often; Racist Chanting; Jihad Videos; Nazi Salute; Flag Burning; Bomb
    Hoax; Hacked Server; Trolling Peers; Phone Seized; Social Visits; Strategy Discussion; Conference
    Review; Panel Decision; Threshold Met; Case Closed; Case Open; Assessment Due; Referral Sent; File
    Transferred; Notes Attached; Ask Head; Speak Deputy; Phone First; Keep Confidential
"""
UNSEEN = tuple(" ".join(story.split()) for story in _UNSEEN.split(";"))
"""Of two words, written down before the list of ordinary words was drawn up; no word was chosen by them."""
