"""Countries, what their people are called, and their best-known parts: enough to tell two nationalities apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

# Country: adjectives, other names; then after "|" parts of it that texts name without the country.
_NATIONS = """
Afghanistan: Afghan, Afghani
Albania: Albanian
Algeria: Algerian
Andorra: Andorran
Angola: Angolan
Argentina: Argentine, Argentinian, Argentinean | Buenos Aires
Armenia: Armenian | Yerevan
Australia: Australian | New South Wales, Queensland, Tasmania, Western Australia, South Australia, Sydney, Melbourne
Austria: Austrian | Vienna
Azerbaijan: Azerbaijani, Azeri | Baku
Bahamas: Bahamian
Bahrain: Bahraini
Bangladesh: Bangladeshi | Dhaka
Barbados: Barbadian, Bajan
Belarus: Belarusian, Belorussian | Minsk
Belgium: Belgian, Flemish | Brussels, Flanders, Antwerp
Belize: Belizean
Benin: Beninese
Bhutan: Bhutanese
Bolivia: Bolivian
Bosnia and Herzegovina: Bosnian, Herzegovinian | Bosnia, Sarajevo
Botswana: Botswanan
Brazil: Brazilian | Rio de Janeiro, São Paulo
Bulgaria: Bulgarian | Sofia
Burkina Faso: Burkinabé
Burundi: Burundian
Byzantine Empire: Byzantine
Cambodia: Cambodian, Khmer
Cameroon: Cameroonian
Canada: Canadian, Québécois | Ontario, Quebec, British Columbia, Alberta, Manitoba, Saskatchewan, Nova Scotia, New
  Brunswick, Newfoundland, Nunavut, Yukon, Toronto, Montreal, Vancouver
Chad: Chadian
Chile: Chilean | Santiago
China: Chinese, People's Republic of China | Beijing, Shanghai
Colombia: Colombian | Bogotá
Congo: Congolese
Costa Rica: Costa Rican
Croatia: Croatian, Croat | Zagreb
Cuba: Cuban | Havana
Cyprus: Cypriot
Czech Republic: Czech, Czechia, Bohemian | Prague, Bohemia
Czechoslovakia: Czechoslovak, Czechoslovakian
Denmark: Danish, Dane | Copenhagen
Dominican Republic: Dominican
East Germany: East German
Ecuador: Ecuadorian
Egypt: Egyptian | Cairo
El Salvador: Salvadoran
England: English | London
Estonia: Estonian | Tallinn
Ethiopia: Ethiopian
Fiji: Fijian
Finland: Finnish, Finn | Helsinki
France: French, Breton | Paris, Brittany, Normandy
Gabon: Gabonese
Georgia: Georgian | Tbilisi
Germany: German, West German, Prussian, Bavarian | Berlin, Bavaria, Prussia, Saxony, Munich, Hamburg
Ghana: Ghanaian
Greece: Greek | Athens
Guatemala: Guatemalan
Guinea: Guinean
Guyana: Guyanese
Haiti: Haitian
Honduras: Honduran
Hong Kong: Hong Konger
Hungary: Hungarian, Magyar | Budapest
Iceland: Icelandic | Reykjavík
India: Indian, Bollywood, Malayalam, Tamil, Telugu, Hindi, Kannada, Bengali, Marathi, Punjabi, Gujarati | Mumbai,
  Kerala, Tamil Nadu, Delhi, Kolkata, Chennai, Karnataka
Indonesia: Indonesian, Javanese | Jakarta
Iran: Iranian, Persian, Persia | Tehran
Iraq: Iraqi | Baghdad
Ireland: Irish, Republic of Ireland | Dublin
Israel: Israeli | Tel Aviv, Jerusalem
Italy: Italian, Sicilian, Venetian, Florentine, Neapolitan | Rome, Milan, Sicily, Naples, Venice, Florence
Ivory Coast: Ivorian
Jamaica: Jamaican
Japan: Japanese | Tokyo, Osaka
Jordan: Jordanian
Kazakhstan: Kazakh, Kazakhstani
Kenya: Kenyan
Kosovo: Kosovan, Kosovar
Kuwait: Kuwaiti
Kyrgyzstan: Kyrgyz
Laos: Laotian, Lao
Latvia: Latvian | Riga
Lebanon: Lebanese | Beirut
Liberia: Liberian
Libya: Libyan
Liechtenstein: Liechtensteiner
Lithuania: Lithuanian | Vilnius
Luxembourg: Luxembourgish
Madagascar: Malagasy
Malawi: Malawian
Malaysia: Malaysian | Kuala Lumpur
Mali: Malian
Malta: Maltese
Mauritius: Mauritian
Mexico: Mexican | Mexico City
Moldova: Moldovan, Moldavian
Monaco: Monégasque, Monegasque
Mongolia: Mongolian, Mongol
Montenegro: Montenegrin
Morocco: Moroccan
Mozambique: Mozambican
Myanmar: Burmese, Burma
Namibia: Namibian
Nepal: Nepali, Nepalese
Netherlands: Dutch, Holland | Amsterdam, Rotterdam
New Zealand: New Zealander | Auckland
Nicaragua: Nicaraguan
Niger: Nigerien
Nigeria: Nigerian | Lagos
North Korea: North Korean
North Macedonia: Macedonian
Northern Ireland: Northern Irish | Belfast
Norway: Norwegian | Oslo
Oman: Omani
Ottoman Empire: Ottoman
Pakistan: Pakistani | Lahore, Karachi
Palestine: Palestinian
Panama: Panamanian
Papua New Guinea: Papua New Guinean
Paraguay: Paraguayan
Peru: Peruvian | Lima
Philippines: Filipino, Filipina, Philippine | Manila
Poland: Polish, Pole | Warsaw
Polish-Lithuanian Commonwealth: Polish-Lithuanian, Polish–Lithuanian, Polish–Lithuanian Commonwealth
Portugal: Portuguese | Lisbon
Puerto Rico: Puerto Rican
Qatar: Qatari
Romania: Romanian | Bucharest
Roman Empire: Roman, Ancient Roman, ancient Rome, Ancient Rome
Russia: Russian, Russian Empire | Moscow, Saint Petersburg, St. Petersburg
Rwanda: Rwandan
Samoa: Samoan
Saudi Arabia: Saudi, Saudi Arabian
Scotland: Scottish, Scots | Edinburgh, Glasgow
Senegal: Senegalese
Serbia: Serbian, Serb | Belgrade
Sierra Leone: Sierra Leonean
Singapore: Singaporean
Slovakia: Slovak, Slovakian
Slovenia: Slovenian, Slovene | Ljubljana
Somalia: Somali
South Africa: South African | Cape Town, Johannesburg
South Korea: South Korean, Korean, Korea | Seoul
Soviet Union: Soviet, USSR
Spain: Spanish, Spaniard, Catalan, Basque, Castilian | Madrid, Barcelona, Catalonia
Sri Lanka: Sri Lankan, Ceylonese, Sinhala
Sudan: Sudanese
Sweden: Swedish, Swede | Stockholm
Switzerland: Swiss | Zurich, Zürich, Geneva
Syria: Syrian
Taiwan: Taiwanese | Taipei
Tajikistan: Tajik
Tanzania: Tanzanian
Thailand: Thai | Bangkok
Togo: Togolese
Trinidad and Tobago: Trinidadian, Tobagonian
Tunisia: Tunisian
Turkey: Turkish | Istanbul
Turkmenistan: Turkmen
Uganda: Ugandan
Ukraine: Ukrainian | Kiev, Kyiv
United Arab Emirates: Emirati | Dubai
United Kingdom: British, UK, Great Britain, Britain
United States: American, U.S., US, USA, United States of America, America | Alabama, Alaska, Arizona, Arkansas,
  California, Colorado, Connecticut, Delaware, Florida, Hawaii, Idaho, Illinois, Indiana, Iowa, Kansas, Kentucky,
  Louisiana, Maine, Maryland, Massachusetts, Michigan, Minnesota, Mississippi, Missouri, Montana, Nebraska, Nevada,
  New Hampshire, New Jersey, New Mexico, New York, North Carolina, North Dakota, Ohio, Oklahoma, Oregon, Pennsylvania,
  Rhode Island, South Carolina, South Dakota, Tennessee, Texas, Utah, Vermont, Virginia, Wisconsin, Wyoming,
  Hollywood, Chicago, Los Angeles, Washington, Boston
Uruguay: Uruguayan
Uzbekistan: Uzbek
Venezuela: Venezuelan | Caracas
Vietnam: Vietnamese
Wales: Welsh | Cardiff
Yemen: Yemeni
Yugoslavia: Yugoslav, Yugoslavian
Zambia: Zambian
Zimbabwe: Zimbabwean
"""

# Countries that texts name by their parts: these count as one when nationalities are compared.
_WITHIN = {
    "England": "United Kingdom",
    "Scotland": "United Kingdom",
    "Wales": "United Kingdom",
    "Northern Ireland": "United Kingdom",
    "Puerto Rico": "United States",
}


@dataclass(frozen=True, slots=True)
class Nation:
    """A country found in a text at `start` to `end`: by its own name, an adjective, or a part of it."""

    country: str
    how: str
    start: int
    end: int

    @property
    def whole(self) -> str:
        """The country it counts as when two are compared: England counts as the United Kingdom."""
        return _WITHIN.get(self.country, self.country)


def find_nations(text: str) -> list[Nation]:
    """The countries, nationalities and well-known parts of countries a text names, in order."""
    names, pattern = _table()
    return [Nation(*names[match.group(1)], *match.span(1)) for match in pattern.finditer(text)]


@cache
def _table() -> tuple[dict[str, tuple[str, str]], re.Pattern[str]]:
    names: dict[str, tuple[str, str]] = {}
    for line in _NATIONS.strip().replace("\n  ", " ").splitlines():
        country, _, rest = line.partition(": ")
        adjectives, _, parts = rest.partition(" | ")
        for how, group in (("adjective", adjectives), ("part", parts)):
            for name in filter(None, group.split(", ")):
                names.setdefault(name, (country, how))
        names[country] = (country, "name")
    ordered = sorted(names, key=lambda name: (-len(name), name))
    pattern = re.compile(r"(?<![\w])(?<!Holy )(" + "|".join(map(re.escape, ordered)) + r")(?![^\W_])(?! Catholic)")
    return names, pattern


def is_nationality(words: str) -> bool:
    """Whether these words are nothing but nationalities ("American", "Trinidadian-American", "West German")."""
    names, _ = _table()
    if names.get(words, ("", ""))[1] == "adjective":
        return True
    parts = [part for part in re.split(r"[-–/\s]+", words) if part]
    return bool(parts) and all(names.get(part, ("", ""))[1] == "adjective" for part in parts)
