const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const GIVEN = words(`
  Anna Ben Clara David Elif Felix Greta Hannes Ines Jonas Katrin Lukas Marie Nils Olga Paul Rosa Sven Tanja Uwe Vera Wolfgang
  Yasemin Amira Bruno Carla Dieter Emma Fabian Gisela Holger Ida Jürgen Kemal Lena Markus Nadja Oskar Petra Ralf Sabine Tobias
  Ursula Viktor Wiebke Zoe`);

export const FAMILY = words(`
  Albrecht Bauer Cramer Dietrich Engel Fischer Günther Hartmann Ivanov Jansen Keller Lehmann Maurer Neumann Otto Pfeiffer Quast
  Richter Schuster Thiele Ulrich Vogel Weber Yilmaz Zimmermann Arnold Brandt Conrad Demir Ebert Franke Graf Huber Jahn Kowalski
  Lorenz Möller Nowak Oswald Peters Reuter Schreiber Timm Unger Voigt Winkler Ziegler Böhm Haas Kraus`);

export const COMPANIES = [
  "Nordwind GmbH",
  "Alpenmilch AG",
  "Kabelwerk KG",
  "Lichtblick GmbH",
  "Hafenlogistik AG",
  "Papierhaus KG",
];

export const CITIES = words("Berlin Hamburg München Köln Leipzig Bremen Dresden Freiburg Kassel Rostock");

export const COMMENTS = [
  "Fast, and it works on the train.",
  "The invoice came twice.",
  "Support answered within an hour.",
  "I could not find the export.",
  "Would buy again.",
  "Too many e-mails.",
];
