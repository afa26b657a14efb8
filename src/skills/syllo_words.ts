/**
 * The words of SYLLO puzzles, with their syllables and a clue that does not contain them.
 *
 * @module
 */

/** A word that can be asked for. */
export interface SylloWord {
  /** Its syllables, in lower case. */
  readonly syllables: readonly string[];
  /** A short definition. */
  readonly clue: string;
}

/** One word a line: syllables joined by `-`, then the clue. */
const LIST = `
al-ways: at every time
bas-ket: you carry fruit in it
bet-ter: more than good
bot-tle: milk or water is kept in it
bro-ken: in pieces
but-ter: you spread it on bread
can-dle: it gives light and burns down
car-pet: it covers the floor
cir-cle: a round shape
cor-ner: where two walls meet
doc-tor: she helps the sick
din-ner: the meal of the evening
en-gine: it makes a car go
fa-ther: a man with a child
fin-ger: a hand has five of them
for-est: many trees together
gar-den: flowers grow there behind the house
ham-mer: it drives in nails
hun-gry: wanting to eat
is-land: land with water all around
jack-et: a short coat
kit-chen: the room where food is cooked
lad-der: you climb on it
let-ter: it comes in an envelope
mar-ket: where things are bought and sold
mir-ror: you see your own face in it
mor-ning: the first part of the day
moun-tain: a very high hill
num-ber: seven is one
pa-per: what books are made of
pen-cil: you draw with it
per-son: a man, a woman or a child
pic-ture: it hangs in a frame
pil-low: your head lies on it in bed
plan-et: it goes around a star
pock-et: a small bag sewn into clothes
prob-lem: something to be solved
rab-bit: an animal with long ears
riv-er: water that runs to the sea
sil-ver: the metal of second prizes
sis-ter: a girl with the same parents
spi-der: it has eight legs and a web
sum-mer: the warmest time of the year
ta-ble: you sit at it to eat
ti-ger: a big cat with stripes
tur-tle: it carries its house and swims
wa-ter: rain is made of it
win-dow: you look out through it
win-ter: the time of snow
yel-low: the colour of a lemon
af-ter-noon: the time between noon and evening
al-pha-bet: from A to Z
an-i-mal: a dog is one, a tree is not
as-tro-naut: he flies to the moon
ba-na-na: a long fruit with a peel
bas-ket-ball: it is thrown through a ring
bi-cy-cle: it has two wheels and pedals
but-ter-fly: an insect with colourful wings
cal-en-dar: it shows the days of the year
cam-er-a: it takes photographs
choc-o-late: a brown sweet made of cocoa
cin-e-ma: where films are shown
cu-cum-ber: a long green vegetable
de-ci-sion: what you make when you choose
di-a-mond: the hardest stone
di-no-saur: it died out long ago
doc-u-ment: an official paper
el-e-phant: it has a trunk
en-er-gy: what food and the sun give
fam-i-ly: parents and their children
fa-vour-ite: liked more than all others
gar-den-er: he waters flowers for a living
hap-pi-ness: what a smile shows
his-to-ry: all that has happened
hos-pi-tal: where the sick are healed
im-por-tant: it matters a lot
in-stru-ment: a violin is one
kan-ga-roo: it jumps and has a pouch
lem-on-ade: a sour and sweet drink
li-brar-y: a house full of books
lo-co-mo-tive: it pulls a train
mag-a-zine: it comes out every week with pictures
med-i-cine: it makes you well
mem-o-ry: what you need to remember
mi-cro-phone: you sing into it
mu-si-cian: he plays for an audience
news-pa-per: it is printed every day
o-ver-coat: it is worn on top in winter
par-a-chute: it slows a fall from the sky
pas-sen-ger: he rides but does not drive
pi-an-o: it has black and white keys
po-ta-to: chips are made of it
prin-ci-pal: she leads a school
pro-fes-sor: he teaches students
re-mem-ber: not to forget
res-tau-rant: a cook works there and guests pay
sat-el-lite: it circles the earth
sev-en-teen: one more than sixteen
tel-e-phone: you talk to people far away with it
to-ma-to: a red fruit for salads
um-brel-la: it keeps you dry in the rain
un-hap-py: sad
va-nil-la: a taste of ice cream
vi-o-lin: it has four strings and a bow
vol-un-teer: he works without pay
yes-ter-day: the day before this one
ac-ci-den-tal: not on purpose
al-li-ga-tor: an animal with many teeth, in swamps
a-quar-i-um: a glass home for fish
au-to-mat-ic: working by itself
a-vo-ca-do: a green fruit with a large stone
cal-cu-la-tor: it adds and multiplies for you
cat-er-pil-lar: it turns into something with wings
ce-re-mo-ny: a wedding is one
com-mu-ni-ty: people who live together
com-pe-ti-tion: the best one wins it
con-ver-sa-tion: two people talking
de-vel-op-ment: slow growth and change
dic-tion-ar-y: it explains words
ed-u-ca-tion: what schools give
e-lec-tri-cal: driven by current
el-e-va-tor: it takes you to the tenth floor
en-ter-tain-ment: what a show is for
es-ca-la-tor: stairs that move
e-vap-o-rate: to turn into vapour
ex-pla-na-tion: an answer to the question why
gen-er-a-tion: all people of about one age
ge-og-ra-phy: the study of lands and seas
hel-i-cop-ter: it flies without wings
his-tor-i-cal: of times long ago
ho-ri-zon-tal: lying, not standing
i-den-ti-cal: the same in every way
im-me-di-ate: without any delay
in-for-ma-tion: facts that you are told
in-tel-li-gent: clever
kin-der-gar-ten: children go there before school
mac-a-ro-ni: short tubes of pasta
me-chan-i-cal: with gears and levers
mo-tor-cy-cle: two wheels and an engine
nec-es-sar-y: what cannot be left out
op-er-a-tion: a surgeon performs it
or-di-nar-y: not special
pho-tog-ra-pher: he takes pictures for a living
pop-u-la-tion: all who live in a place
pres-en-ta-tion: a talk with slides
rec-og-ni-tion: knowing somebody again
re-la-tion-ship: what binds two people
sec-re-tar-y: he writes letters for the boss
su-per-mar-ket: a large shop for food
tel-e-vi-sion: a screen in the living room
tem-per-a-ture: a thermometer measures it
tra-di-tion-al: done as it has always been
trans-por-ta-tion: the carrying of goods
vo-cab-u-lar-y: all words of a language
wa-ter-mel-on: a large green fruit, red inside
ap-prox-i-mate-ly: more or less
au-di-to-ri-um: a large hall with seats
ca-pa-bil-i-ty: what one is able to do
char-ac-ter-is-tic: typical of somebody
cho-re-og-ra-phy: the steps of a dance
co-op-er-a-tion: working together
cu-ri-os-i-ty: the wish to know
e-lec-tric-i-ty: it comes out of the socket
en-thu-si-as-tic: full of joy about something
ex-am-i-na-tion: students are afraid of it
hip-po-pot-a-mus: a heavy animal in African rivers
hos-pi-tal-i-ty: kindness to guests
i-mag-i-na-tion: pictures in your head
in-ter-na-tion-al: between countries
in-ves-ti-ga-tion: the work of a detective
lab-o-ra-to-ry: experiments are made there
math-e-mat-i-cal: about numbers and proofs
op-por-tu-ni-ty: a good chance
or-gan-i-za-tion: a club or a company
par-tic-i-pa-tion: taking part
per-son-al-i-ty: what makes somebody who he is
pos-si-bil-i-ty: something that may happen
pro-nun-ci-a-tion: how a word is spoken
re-frig-er-a-tor: it keeps milk cold
rep-re-sen-ta-tive: one who speaks for others
u-ni-ver-si-ty: professors teach there
veg-e-tar-i-an: someone who eats no meat
bi-o-de-grad-a-ble: rotting away by itself
en-cy-clo-pe-di-a: many volumes that explain everything
en-vi-ron-men-tal-ist: one who protects nature
me-te-or-ol-o-gy: the study of the weather
re-spon-si-bil-i-ty: the duty to take care of something
su-per-i-or-i-ty: being better than the rest
`;

/** Every word. */
export const SYLLO_WORDS: readonly SylloWord[] = LIST.trim().split("\n").map((line) => {
  const [word, clue] = line.split(": ") as [string, string];
  return { syllables: word.split("-"), clue };
});
