SELECT to_regclass('features.known_visit') IS NOT NULL AND to_regclass('features.person_feature') IS NOT NULL
